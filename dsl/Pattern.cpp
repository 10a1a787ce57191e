#include "maskloom/dsl/Pattern.h"

#include "maskloom/dsl/Walk.h"

#include <algorithm>

namespace maskloom {

namespace {

template <typename T>
void addOnce(std::vector<std::shared_ptr<const T>> &list, const std::shared_ptr<const T> &item) {
  if (item && std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

// table[h, q/Bq, k/Bk] != 0, each axis indexed by what its kind says.
Expr blockLookup(const std::shared_ptr<const AuxDecl> &table) {
  const Location &loc = table->loc;
  std::vector<Expr> indices;
  for (const AuxAxis &axis : table->axes) {
    auto blocked = [&](IndexVar position) {
      Expr index = makeIndex(position, loc);
      return axis.block == 1 ? index
                             : makeExpr(Op::FloorDiv, Type::Int, {index, makeInt(axis.block, loc)}, loc);
    };
    switch (axis.kind) {
    case AuxAxis::Kind::Batch: indices.push_back(makeIndex(IndexVar::Batch, loc)); break;
    case AuxAxis::Kind::Head: indices.push_back(makeIndex(IndexVar::Head, loc)); break;
    case AuxAxis::Kind::KvHead: indices.push_back(makeIndex(IndexVar::KvHead, loc)); break;
    case AuxAxis::Kind::Query: indices.push_back(blocked(IndexVar::Query)); break;
    case AuxAxis::Kind::Key: indices.push_back(blocked(IndexVar::Key)); break;
    case AuxAxis::Kind::Fixed: indices.push_back(makeInt(0, loc)); break;
    }
  }
  return makeExpr(Op::Ne, Type::Bool, {makeLoad(table, std::move(indices), loc), makeInt(0, loc)}, loc);
}

Expr conjunction(const Expr &a, const Expr &b) {
  if (a->op == Op::BoolConst && a->intValue) return b;
  if (b->op == Op::BoolConst && b->intValue) return a;
  return makeExpr(Op::And, Type::Bool, {a, b}, b->loc);
}

} // namespace

Layout &Layout::heads(int64_t first, int64_t last, const Mask &mask, At at) {
  mixesKinds |= byKvHead && !groups.empty();
  byKvHead = false;
  groups.push_back({first, last, mask.expr(), here(at)});
  return *this;
}

Layout &Layout::kvHeads(int64_t first, int64_t last, const Mask &mask, At at) {
  mixesKinds |= !byKvHead && !groups.empty();
  byKvHead = true;
  groups.push_back({first, last, mask.expr(), here(at)});
  return *this;
}

Mask bands(IntArg distance, const std::vector<Band> &ranges, const Mask &rest) {
  Expr result = rest.expr();
  for (size_t i = ranges.size(); i-- > 0;) {
    Expr below =
        makeExpr(Op::Lt, Type::Bool, {distance.expr, makeInt(ranges[i].limit, distance.loc)}, distance.loc);
    result = makeExpr(Op::Select, Type::Bool, {below, ranges[i].mask.expr(), result}, distance.loc);
  }
  return Mask(result);
}

Pattern::Pattern(std::string name, const Mask &mask, At at)
    : name(std::move(name)), mask(mask.expr()), loc(here(at)) {
  collect(this->mask);
}

Pattern::Pattern(std::string name, const Mask &mask, Layout layout, At at)
    : name(std::move(name)), mask(mask.expr()), layout(std::move(layout)), loc(here(at)) {
  collect(this->mask);
  for (const HeadGroup &group : this->layout.groups) collect(group.mask);
}

Pattern &Pattern::modifyScore(const Score &score) {
  scores.push_back(score.expr());
  collect(score.expr());
  return *this;
}

Pattern &Pattern::withSink(const AuxFloat &sinkLogits) {
  sink = sinkLogits.decl();
  addOnce(auxes, sink);
  return *this;
}

Pattern &Pattern::withBlocks(const AuxInt &table) {
  blocks = table.decl();
  addOnce(auxes, blocks);
  return *this;
}

Expr Pattern::maskOfGroup(size_t group) const {
  Expr result = mask;
  if (!layout.groups.empty()) result = conjunction(result, layout.groups[group].mask);
  if (blocks) result = conjunction(result, blockLookup(blocks));
  return result;
}

const ParamDecl *Pattern::findParam(std::string_view wanted) const {
  for (const auto &param : params)
    if (param->name == wanted) return param.get();
  return nullptr;
}

const AuxDecl *Pattern::findAux(std::string_view wanted) const {
  for (const auto &aux : auxes)
    if (aux->name == wanted) return aux.get();
  return nullptr;
}

void Pattern::collect(const Expr &expr) {
  forEachNode(expr, [&](const ExprNode &node) {
    if (node.op == Op::Param) addOnce(params, node.param);
    if (node.op == Op::AuxLoad) addOnce(auxes, node.aux);
  });
}

std::vector<std::shared_ptr<const ParamDecl>> constantParams(const Pattern &pattern) {
  std::vector<std::shared_ptr<const ParamDecl>> result;
  auto addAll = [&](const Expr &expr) {
    forEachNode(expr, [&](const ExprNode &node) {
      if (node.op == Op::Param) addOnce(result, node.param);
    });
  };
  auto scan = [&](const Expr &root) {
    forEachNode(root, [&](const ExprNode &node) {
      if (node.op == Op::FloorDiv || node.op == Op::Mod) addAll(node.operands[1]);
      if (node.op == Op::Mul && node.type == Type::Int) {
        const Expr &left = node.operands[0], &right = node.operands[1];
        // The index-free factor; of two such factors the right one.
        if (left->op != Op::IntConst && right->op != Op::IntConst) addAll(isIndexFree(right) ? right : left);
      }
    });
  };
  scan(pattern.mask);
  for (const HeadGroup &group : pattern.layout.groups) scan(group.mask);
  for (const Expr &score : pattern.scores) scan(score);
  return result;
}

} // namespace maskloom
