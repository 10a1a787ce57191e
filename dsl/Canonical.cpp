#include "maskloom/dsl/Canonical.h"

#include "maskloom/dsl/CanonicalExpr.h"
#include "maskloom/dsl/Print.h"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace maskloom {

namespace {

constexpr int kTextVersion = 2; // of the rules and of the text

// Every group's mask on its own: the pattern's mask ANDed in, groups sorted, equal neighbours merged.
void canonicalizeGroups(Pattern &pattern, Canonicalizer &canonicalizer) {
  Expr base = canonicalizer.canonical(pattern.mask);
  std::vector<HeadGroup> &groups = pattern.layout.groups;
  if (groups.empty()) {
    pattern.mask = base;
    return;
  }
  pattern.mask = makeBool(true, pattern.loc);
  for (HeadGroup &group : groups)
    group.mask = canonicalizer.conjunction(base, canonicalizer.canonical(group.mask), group.loc);
  std::stable_sort(groups.begin(), groups.end(),
                   [](const HeadGroup &a, const HeadGroup &b) { return a.first < b.first; });
  std::vector<HeadGroup> merged;
  for (const HeadGroup &group : groups) {
    if (!merged.empty() && merged.back().mask == group.mask && merged.back().last + 1 == group.first)
      merged.back().last = group.last;
    else
      merged.push_back(group);
  }
  groups = std::move(merged);
}

// Writes expressions in prefix form; parameters and tensors are numbered as they come.
class TextWriter {
public:
  void write(const Expr &expr) {
    const ExprNode &node = *expr;
    switch (node.op) {
    case Op::IntConst: body_ += fmt::format("{}", node.intValue); return;
    case Op::FloatConst: body_ += floatText(node.floatValue); return;
    case Op::BoolConst: body_ += node.intValue ? "all" : "none"; return;
    case Op::Index: body_ += spelling(node.index); return;
    case Op::Score: body_ += "s"; return;
    case Op::Param: body_ += fmt::format("p{}", number(params_, node.param)); return;
    default: break;
    }
    body_ += '(';
    body_ += node.op == Op::AuxLoad ? tensor(node.aux) : node.op == Op::Neg ? "neg" : spelling(node.op);
    for (const Expr &operand : node.operands) {
      body_ += ' ';
      write(operand);
    }
    body_ += ')';
  }
  void write(std::string_view text) { body_ += text; }
  std::string tensor(const std::shared_ptr<const AuxDecl> &aux) {
    return fmt::format("a{}", number(auxes_, aux));
  }

  std::string finish() const {
    std::string text = fmt::format("maskloom pattern {}\n", kTextVersion);
    for (size_t i = 0; i < params_.size(); ++i)
      text += fmt::format("param p{} {} {}..{}\n", i, params_[i]->name, params_[i]->low, params_[i]->high);
    for (size_t i = 0; i < auxes_.size(); ++i) {
      text +=
          fmt::format("aux a{} {} {}", i, auxes_[i]->name, auxes_[i]->type == AuxType::I32 ? "i32" : "f32");
      for (const AuxAxis &axis : auxes_[i]->axes) text += fmt::format(" {}", toText(axis));
      text += '\n';
    }
    return text + body_;
  }

  const std::vector<std::shared_ptr<const ParamDecl>> &params() const { return params_; }
  const std::vector<std::shared_ptr<const AuxDecl>> &auxes() const { return auxes_; }

private:
  template <typename T>
  static size_t number(std::vector<std::shared_ptr<const T>> &known, const std::shared_ptr<const T> &item) {
    auto place = std::find(known.begin(), known.end(), item);
    if (place == known.end()) place = known.insert(place, item);
    return static_cast<size_t>(place - known.begin());
  }

  std::string body_;
  std::vector<std::shared_ptr<const ParamDecl>> params_;
  std::vector<std::shared_ptr<const AuxDecl>> auxes_;
};

TextWriter writePattern(const Pattern &pattern) {
  TextWriter writer;
  auto line = [&](const std::string &what, const Expr &expr) {
    writer.write(fmt::format("{} ", what));
    writer.write(expr);
    writer.write("\n");
  };
  line("mask", pattern.mask);
  for (const HeadGroup &group : pattern.layout.groups)
    line(fmt::format("{} {}..{}", pattern.layout.byKvHead ? "kv_heads" : "heads", group.first, group.last),
         group.mask);
  if (pattern.blocks) writer.write(fmt::format("blocks {}\n", writer.tensor(pattern.blocks)));
  for (const Expr &score : pattern.scores) line("score", score);
  if (pattern.sink) writer.write(fmt::format("sink {}\n", writer.tensor(pattern.sink)));
  return writer;
}

} // namespace

Pattern canonicalize(const Pattern &pattern, const std::map<std::string, int64_t> &constants) {
  std::map<const ParamDecl *, int64_t> values;
  for (const auto &param : constantParams(pattern)) {
    auto given = constants.find(param->name);
    values[param.get()] = given == constants.end() ? param->defaultValue : given->second;
  }
  Canonicalizer canonicalizer(std::move(values));
  Pattern result = pattern;
  canonicalizeGroups(result, canonicalizer);
  for (Expr &score : result.scores) score = canonicalizer.canonical(score);
  std::erase_if(result.scores, [](const Expr &score) { return score->op == Op::Score; });
  result.space.clear();
  TextWriter writer = writePattern(result);
  result.params = writer.params();
  result.auxes = writer.auxes();
  return result;
}

std::string canonicalText(const Pattern &canonical) { return writePattern(canonical).finish(); }

std::string patternHash(const Pattern &canonical) {
  std::string text = canonicalText(canonical);
  XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

} // namespace maskloom
