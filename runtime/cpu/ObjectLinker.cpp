#include "maskloom/cpu/ObjectLinker.h"

#include <llvm/ExecutionEngine/Orc/AbsoluteSymbols.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/Shared/ExecutorAddress.h>
#include <llvm/Support/MemoryBuffer.h>

#include <cmath>
#include <cstring>

namespace maskloom::cpu {

namespace orc = llvm::orc;

// Linking an object needs ORC's session and its JITLink layer, not LLJIT, which would bring in a compiler.
struct LinkedObject::Session {
  explicit Session(std::unique_ptr<orc::ExecutorProcessControl> control) : session(std::move(control)) {
    session.setErrorReporter([this](llvm::Error failure) {
      if (!messages.empty()) messages += "; ";
      messages += llvm::toString(std::move(failure));
    });
  }
  ~Session() {
    if (llvm::Error failure = session.endSession()) llvm::consumeError(std::move(failure));
  }
  std::string messages;
  orc::ExecutionSession session;
  std::unique_ptr<orc::ObjectLinkingLayer> layer;
};

LinkedObject::LinkedObject() = default;
LinkedObject::~LinkedObject() = default;

namespace {

/// What generated code may call: exp, exp2, tanh and sqrt are inlined.
orc::SymbolMap runtimeFunctions(orc::ExecutionSession &session) {
  orc::SymbolMap symbols;
  auto add = [&](const char *name, auto *function) {
    symbols[session.intern(name)] = {orc::ExecutorAddr::fromPtr(function),
                                     llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  add("logf", static_cast<float (*)(float)>(&::logf));
  add("memset", &::memset);
  add("memcpy", &::memcpy);
  add("memmove", &::memmove);
  return symbols;
}

} // namespace

std::unique_ptr<LinkedObject> LinkedObject::link(const std::string &object, size_t groups, bool hasScore,
                                                 std::string &error) {
  auto fail = [&](llvm::Error failure) {
    error = "cannot link the CPU object: " + llvm::toString(std::move(failure));
    return nullptr;
  };
  auto control = orc::SelfExecutorProcessControl::Create();
  if (!control) return fail(control.takeError());

  std::unique_ptr<LinkedObject> linked(new LinkedObject);
  linked->session_ = std::make_unique<Session>(std::move(*control));
  orc::ExecutionSession &session = linked->session_->session;
  linked->session_->layer = std::make_unique<orc::ObjectLinkingLayer>(session);
  orc::JITDylib &library = session.createBareJITDylib("program");
  if (auto failure = library.define(orc::absoluteSymbols(runtimeFunctions(session))))
    return fail(std::move(failure));
  if (auto failure = linked->session_->layer->add(
          library, llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object), "maskloom-cpu-object")))
    return fail(std::move(failure));

  auto lookup = [&](const std::string &name, auto &function) -> llvm::Error {
    auto symbol = session.lookup({&library}, session.intern(name));
    if (!symbol) return symbol.takeError();
    function = symbol->getAddress().toPtr<std::remove_reference_t<decltype(function)>>();
    return llvm::Error::success();
  };
  auto failLookup = [&](llvm::Error failure) {
    fail(std::move(failure));
    if (!linked->session_->messages.empty()) error += " (" + linked->session_->messages + ")";
    return nullptr;
  };
  linked->masks_.resize(groups);
  for (size_t g = 0; g < groups; ++g)
    if (auto failure = lookup("maskloom_mask_" + std::to_string(g), linked->masks_[g]))
      return failLookup(std::move(failure));
  if (hasScore)
    if (auto failure = lookup("maskloom_score", linked->score_)) return failLookup(std::move(failure));
  return linked;
}

} // namespace maskloom::cpu
