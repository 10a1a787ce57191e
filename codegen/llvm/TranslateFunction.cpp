#include "maskloom/codegen/llvm/TranslateFunction.h"

#include "maskloom/codegen/ir/TileDialect.h"
#include "maskloom/codegen/llvm/EmitMath.h"
#include "maskloom/program/CpuAbi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/IR/Module.h"

#include <cstddef>

namespace maskloom {

namespace {

using namespace mlir;

llvm::CmpInst::Predicate predicateOf(arith::CmpIPredicate predicate) {
  switch (predicate) {
  case arith::CmpIPredicate::eq: return llvm::CmpInst::ICMP_EQ;
  case arith::CmpIPredicate::ne: return llvm::CmpInst::ICMP_NE;
  case arith::CmpIPredicate::slt: return llvm::CmpInst::ICMP_SLT;
  case arith::CmpIPredicate::sle: return llvm::CmpInst::ICMP_SLE;
  case arith::CmpIPredicate::sgt: return llvm::CmpInst::ICMP_SGT;
  case arith::CmpIPredicate::sge: return llvm::CmpInst::ICMP_SGE;
  default: return llvm::CmpInst::BAD_ICMP_PREDICATE;
  }
}

llvm::CmpInst::Predicate predicateOf(arith::CmpFPredicate predicate) {
  switch (predicate) {
  case arith::CmpFPredicate::OEQ: return llvm::CmpInst::FCMP_OEQ;
  case arith::CmpFPredicate::OLT: return llvm::CmpInst::FCMP_OLT;
  case arith::CmpFPredicate::OLE: return llvm::CmpInst::FCMP_OLE;
  case arith::CmpFPredicate::OGT: return llvm::CmpInst::FCMP_OGT;
  case arith::CmpFPredicate::OGE: return llvm::CmpInst::FCMP_OGE;
  case arith::CmpFPredicate::UNE: return llvm::CmpInst::FCMP_UNE;
  default: return llvm::CmpInst::BAD_FCMP_PREDICATE;
  }
}

/// Emits the body of one lowered function. What is the same for the whole row goes into the entry block.
class BodyEmitter {
public:
  BodyEmitter(llvm::IRBuilder<> &entry, llvm::IRBuilder<> &body, llvm::Value *context)
      : entry_(entry), body_(body), context_(context) {}

  void bind(mlir::Value from, llvm::Value *to) { values_[from] = to; }

  /// The value that func.return returns; null and `error` at an operation that is not part of the lowered
  /// form.
  llvm::Value *emit(func::FuncOp function, std::string &error) {
    for (Operation &op : function.front()) {
      if (auto result = dyn_cast<func::ReturnOp>(op)) return values_.lookup(result.getOperand(0));
      llvm::Value *value = op.getNumResults() == 1 ? translate(&op) : nullptr;
      if (!value) {
        llvm::raw_string_ostream(error) << "'" << op.getName() << "' in '" << function.getSymName()
                                        << "' is not part of the lowered form that the CPU back end takes";
        return nullptr;
      }
      values_[op.getResult(0)] = value;
    }
    llvm::raw_string_ostream(error) << "'" << function.getSymName() << "' does not end in func.return";
    return nullptr;
  }

private:
  llvm::Value *operand(Operation *op, unsigned i) { return values_.lookup(op->getOperand(i)); }

  llvm::Type *typeOf(mlir::Type type) {
    if (type.isF32()) return body_.getFloatTy();
    return body_.getIntNTy(type.getIntOrFloatBitWidth());
  }

  llvm::Value *translate(Operation *op) {
    auto a = [&] { return operand(op, 0); };
    auto b = [&] { return operand(op, 1); };
    auto unary = [&](llvm::Intrinsic::ID id) { return body_.CreateUnaryIntrinsic(id, a()); };
    auto binary = [&](llvm::Intrinsic::ID id) { return body_.CreateBinaryIntrinsic(id, a(), b()); };
    return llvm::TypeSwitch<Operation *, llvm::Value *>(op)
        .Case([&](arith::ConstantOp constant) { return translateConstant(constant); })
        .Case([&](arith::AddIOp) { return body_.CreateAdd(a(), b()); })
        .Case([&](arith::SubIOp) { return body_.CreateSub(a(), b()); })
        .Case([&](arith::MulIOp) { return body_.CreateMul(a(), b()); })
        .Case([&](arith::MinSIOp) { return binary(llvm::Intrinsic::smin); })
        .Case([&](arith::MaxSIOp) { return binary(llvm::Intrinsic::smax); })
        .Case([&](arith::AndIOp) { return body_.CreateAnd(a(), b()); })
        .Case([&](arith::OrIOp) { return body_.CreateOr(a(), b()); })
        .Case([&](arith::XOrIOp) { return body_.CreateXor(a(), b()); })
        .Case([&](arith::ExtSIOp) { return body_.CreateSExt(a(), typeOf(op->getResult(0).getType())); })
        .Case([&](arith::TruncIOp) { return body_.CreateTrunc(a(), typeOf(op->getResult(0).getType())); })
        .Case([&](arith::CmpIOp compare) -> llvm::Value * {
          auto predicate = predicateOf(compare.getPredicate());
          if (predicate == llvm::CmpInst::BAD_ICMP_PREDICATE) return nullptr;
          return body_.CreateICmp(predicate, a(), b());
        })
        .Case([&](arith::SelectOp) { return body_.CreateSelect(a(), b(), operand(op, 2)); })
        .Case([&](math::AbsIOp) {
          return body_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, a(), body_.getFalse());
        })
        .Case([&](arith::AddFOp) { return body_.CreateFAdd(a(), b()); })
        .Case([&](arith::SubFOp) { return body_.CreateFSub(a(), b()); })
        .Case([&](arith::MulFOp) { return body_.CreateFMul(a(), b()); })
        .Case([&](arith::DivFOp) { return body_.CreateFDiv(a(), b()); })
        .Case([&](arith::NegFOp) { return body_.CreateFNeg(a()); })
        .Case([&](arith::MinimumFOp) { return binary(llvm::Intrinsic::minimum); })
        .Case([&](arith::MaximumFOp) { return binary(llvm::Intrinsic::maximum); })
        .Case([&](arith::CmpFOp compare) -> llvm::Value * {
          auto predicate = predicateOf(compare.getPredicate());
          if (predicate == llvm::CmpInst::BAD_FCMP_PREDICATE) return nullptr;
          return body_.CreateFCmp(predicate, a(), b());
        })
        .Case([&](arith::SIToFPOp) { return body_.CreateSIToFP(a(), typeOf(op->getResult(0).getType())); })
        .Case([&](math::Exp2Op) { return emitExp2(body_, a()); })
        .Case([&](math::ExpOp) { return emitExp(body_, a()); })
        .Case([&](math::LogOp) { return unary(llvm::Intrinsic::log); })
        .Case([&](math::TanhOp) { return emitTanh(body_, a()); })
        .Case([&](math::SqrtOp) { return unary(llvm::Intrinsic::sqrt); })
        .Case([&](math::AbsFOp) { return unary(llvm::Intrinsic::fabs); })
        .Case([&](tile::SymbolOp symbol) { return translateSymbol(symbol); })
        .Case([&](tile::ParamOp param) { return translateParam(param); })
        .Case([&](tile::AuxLoadOp load) { return translateAuxLoad(load); })
        .Case([&](tile::FloorDivOp division) { return translateFloorDiv(a(), division.getDivisor()); })
        .Case([&](tile::FloorModOp modulus) { return translateFloorMod(a(), modulus.getDivisor()); })
        .Default([](Operation *) { return nullptr; });
  }

  llvm::Value *translateConstant(arith::ConstantOp constant) {
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      return llvm::ConstantInt::get(body_.getContext(), integer.getValue());
    if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
      return llvm::ConstantFP::get(body_.getContext(), number.getValue());
    return nullptr;
  }

  /// A load of the entry block from memory that is constant while the function runs.
  llvm::Value *loadField(llvm::Type *type, llvm::Value *base, size_t offset) {
    llvm::Value *address = entry_.CreateConstInBoundsGEP1_64(entry_.getInt8Ty(), base, offset);
    llvm::LoadInst *load = entry_.CreateLoad(type, address);
    load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(entry_.getContext(), {}));
    return load;
  }

  llvm::Value *translateSymbol(tile::SymbolOp symbol) {
    size_t offset = llvm::StringSwitch<size_t>(symbol.getSymbol())
                        .Case("batch", offsetof(CpuContext, batch))
                        .Case("head", offsetof(CpuContext, head))
                        .Case("kv_head", offsetof(CpuContext, kvHead))
                        .Case("heads", offsetof(CpuContext, heads))
                        .Case("kv_heads", offsetof(CpuContext, kvHeads))
                        .Case("query_length", offsetof(CpuContext, queryLength))
                        .Case("key_length", offsetof(CpuContext, keyLength))
                        .Default(SIZE_MAX);
    if (offset == SIZE_MAX) return nullptr;
    return entry_.CreateTrunc(loadField(entry_.getInt64Ty(), context_, offset),
                              typeOf(symbol.getResult().getType()));
  }

  llvm::Value *translateParam(tile::ParamOp param) {
    llvm::Value *params = loadField(entry_.getPtrTy(), context_, offsetof(CpuContext, params));
    llvm::Value *value = loadField(entry_.getInt64Ty(), params, param.getIndex() * sizeof(int64_t));
    return entry_.CreateTrunc(value, typeOf(param.getResult().getType()));
  }

  /// A load at the index clamped into the extents: the loop has no branch, so also points that a false guard
  /// excludes are evaluated.
  llvm::Value *translateAuxLoad(tile::AuxLoadOp load) {
    llvm::Value *tensors = loadField(entry_.getPtrTy(), context_, offsetof(CpuContext, aux));
    const size_t tensor = load.getAux() * sizeof(CpuAux);
    llvm::Type *i64 = entry_.getInt64Ty();
    llvm::Value *data = loadField(entry_.getPtrTy(), tensors, tensor + offsetof(CpuAux, data));
    llvm::Value *offset = entry_.getInt64(0);
    for (auto [axis, operand] : llvm::enumerate(load.getIndices())) {
      const size_t field = tensor + axis * sizeof(int64_t);
      llvm::Value *stride = loadField(i64, tensors, field + offsetof(CpuAux, strides));
      llvm::Value *extent = loadField(i64, tensors, field + offsetof(CpuAux, extents));
      llvm::Value *last = entry_.CreateSub(extent, entry_.getInt64(1));
      llvm::Value *index = body_.CreateSExt(values_.lookup(operand), i64);
      index = body_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, index, last);
      index = body_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, index, body_.getInt64(0));
      offset = body_.CreateAdd(offset, body_.CreateMul(index, stride));
    }
    llvm::Type *element = typeOf(load.getResult().getType());
    llvm::LoadInst *value = body_.CreateLoad(element, body_.CreateInBoundsGEP(element, data, offset));
    value->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(body_.getContext(), {}));
    return value;
  }

  /// -1 when negative, else 0.
  llvm::Value *signOf(llvm::Value *value) {
    return body_.CreateAShr(value, value->getType()->getIntegerBitWidth() - 1);
  }

  llvm::Value *translateFloorDiv(llvm::Value *value, int64_t divisor) {
    llvm::Type *type = value->getType();
    if (llvm::isPowerOf2_64(divisor)) return body_.CreateAShr(value, llvm::Log2_64(divisor));
    llvm::Value *by = llvm::ConstantInt::getSigned(type, divisor);
    llvm::Value *quotient = body_.CreateSDiv(value, by);
    llvm::Value *remainder = body_.CreateSub(value, body_.CreateMul(quotient, by));
    return body_.CreateAdd(quotient, signOf(remainder));
  }

  llvm::Value *translateFloorMod(llvm::Value *value, int64_t divisor) {
    llvm::Value *by = llvm::ConstantInt::getSigned(value->getType(), divisor);
    if (llvm::isPowerOf2_64(divisor))
      return body_.CreateAnd(value, llvm::ConstantInt::getSigned(value->getType(), divisor - 1));
    llvm::Value *remainder = body_.CreateSRem(value, by);
    return body_.CreateAdd(remainder, body_.CreateAnd(signOf(remainder), by));
  }

  llvm::IRBuilder<> &entry_, &body_;
  llvm::Value *context_;
  llvm::DenseMap<mlir::Value, llvm::Value *> values_;
};

bool checkSignature(func::FuncOp function, ArrayRef<mlir::Type> inputs, mlir::Type result,
                    std::string &error) {
  if (function.getArgumentTypes() == inputs && function.getResultTypes() == ArrayRef<mlir::Type>(result) &&
      function.getBody().hasOneBlock())
    return true;
  llvm::raw_string_ostream(error) << "'" << function.getSymName()
                                  << "' is not one block of the expected type; it is "
                                  << function.getFunctionType();
  return false;
}

/// The function around the row loop; `isScore` decides between the two signatures.
bool translateRow(func::FuncOp function, llvm::Module &module, const std::string &name, bool isScore,
                  std::string &error) {
  mlir::Builder types(function.getContext());
  mlir::Type i32 = types.getI32Type(), f32 = types.getF32Type(), i1 = types.getI1Type();
  if (!(isScore ? checkSignature(function, {f32, i32, i32}, f32, error)
                : checkSignature(function, {i32, i32}, i1, error)))
    return false;

  llvm::LLVMContext &context = module.getContext();
  llvm::Type *i64 = llvm::Type::getInt64Ty(context), *pointer = llvm::PointerType::get(context, 0);
  auto *signature =
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, i64, i64, i64, pointer}, false);
  auto *row = llvm::Function::Create(signature, llvm::Function::ExternalLinkage, name, module);
  row->addFnAttr(llvm::Attribute::NoUnwind);
  row->addParamAttr(0, llvm::Attribute::NoAlias);
  row->addParamAttr(0, llvm::Attribute::ReadOnly);
  row->addParamAttr(4, llvm::Attribute::NoAlias);
  llvm::Argument *contextArgument = row->getArg(0), *query = row->getArg(1), *firstKey = row->getArg(2),
                 *count = row->getArg(3), *out = row->getArg(4);

  auto *entryBlock = llvm::BasicBlock::Create(context, "entry", row);
  auto *loopBlock = llvm::BasicBlock::Create(context, "loop", row);
  auto *exitBlock = llvm::BasicBlock::Create(context, "exit", row);
  llvm::IRBuilder<> entry(entryBlock), body(loopBlock);
  llvm::IRBuilder<>(exitBlock).CreateRetVoid();

  llvm::Value *query32 = entry.CreateTrunc(query, entry.getInt32Ty());
  llvm::Value *firstKey32 = entry.CreateTrunc(firstKey, entry.getInt32Ty());
  llvm::PHINode *i = body.CreatePHI(i64, 2, "i");
  llvm::Value *key32 = body.CreateAdd(firstKey32, body.CreateTrunc(i, body.getInt32Ty()));

  BodyEmitter emitter(entry, body, contextArgument);
  llvm::Type *element = isScore ? body.getFloatTy() : static_cast<llvm::Type *>(body.getInt8Ty());
  llvm::Value *address = body.CreateInBoundsGEP(element, out, i);
  unsigned argument = 0;
  if (isScore) emitter.bind(function.getArgument(argument++), body.CreateLoad(element, address));
  emitter.bind(function.getArgument(argument++), query32);
  emitter.bind(function.getArgument(argument), key32);
  llvm::Value *result = emitter.emit(function, error);
  if (!result) return false;
  body.CreateStore(isScore ? result : body.CreateZExt(result, element), address);

  llvm::Value *next = body.CreateAdd(i, body.getInt64(1), "", true, true);
  body.CreateCondBr(body.CreateICmpSLT(next, count), loopBlock, exitBlock);
  entry.CreateCondBr(entry.CreateICmpSGT(count, entry.getInt64(0)), loopBlock, exitBlock);
  i->addIncoming(entry.getInt64(0), entryBlock);
  i->addIncoming(next, loopBlock);
  return true;
}

} // namespace

bool translateMask(func::FuncOp function, llvm::Module &module, const std::string &name, std::string &error) {
  return translateRow(function, module, name, false, error);
}

bool translateScore(func::FuncOp function, llvm::Module &module, const std::string &name,
                    std::string &error) {
  return translateRow(function, module, name, true, error);
}

} // namespace maskloom
