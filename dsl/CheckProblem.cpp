#include "maskloom/dsl/Check.h"
#include "maskloom/dsl/Interpreter.h"
#include "maskloom/dsl/Walk.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom {

std::map<const AuxDecl *, std::vector<AuxReach>> auxReach(const Pattern &pattern) {
  std::map<const AuxDecl *, std::vector<AuxReach>> reach;
  auto scan = [&](const Expr &root) {
    forEachNode(root, [&](const ExprNode &node) {
      if (node.op != Op::AuxLoad || !node.aux) return;
      std::vector<AuxReach> &axes = reach[node.aux.get()];
      axes.resize(std::max(axes.size(), node.operands.size()));
      for (size_t i = 0; i < node.operands.size(); ++i)
        forEachNode(node.operands[i], [&](const ExprNode &n) {
          if (n.op != Op::Index) return;
          axes[i].query |= n.index == IndexVar::Query;
          axes[i].key |= n.index == IndexVar::Key;
        });
    });
  };
  for (size_t g = 0; g < pattern.groupCount(); ++g) scan(pattern.maskOfGroup(g));
  for (const Expr &score : pattern.scores) scan(score);
  return reach;
}

namespace {

const char *axisName(AuxAxis::Kind kind) {
  switch (kind) {
  case AuxAxis::Kind::Batch: return "b";
  case AuxAxis::Kind::Head: return "h";
  case AuxAxis::Kind::KvHead: return "kvh";
  case AuxAxis::Kind::Query: return "q";
  case AuxAxis::Kind::Key: return "k";
  case AuxAxis::Kind::Fixed: return "fixed";
  }
  return "?";
}

class ProblemCheck {
public:
  ProblemCheck(const Pattern &pattern, const Problem &problem, MissingAux missing)
      : pattern_(pattern), problem_(problem), missing_(missing) {}

  std::vector<std::string> run() {
    checkSizes();
    if (!errors_.empty()) return errors_; // what follows divides by and loops over these
    checkGroups();
    checkParams();
    auto reach = auxReach(pattern_);
    for (const auto &aux : pattern_.auxes) checkAux(*aux, reach[aux.get()]);
    return errors_;
  }

private:
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args &&...args) {
    errors_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void checkSizes() {
    if (problem_.batch < 1) error("batch is {}, must be at least 1", problem_.batch);
    if (problem_.queries < 1) error("the number of queries is {}, must be at least 1", problem_.queries);
    if (problem_.keys < 1) error("the number of keys is {}, must be at least 1", problem_.keys);
    if (problem_.heads < 1 || problem_.kvHeads < 1)
      error("{} query heads and {} KV heads: both must be at least 1", problem_.heads, problem_.kvHeads);
    else if (problem_.heads % problem_.kvHeads != 0)
      error("{} query heads cannot be shared evenly by {} KV heads", problem_.heads, problem_.kvHeads);
    checkLengths("query", problem_.queryLengths, problem_.queries);
    checkLengths("key", problem_.keyLengths, problem_.keys);
  }

  void checkLengths(const char *what, const std::vector<int64_t> &lengths, int64_t most) {
    if (lengths.empty()) return;
    if (static_cast<int64_t>(lengths.size()) != problem_.batch)
      error("{} {} lengths for a batch of {}", lengths.size(), what, problem_.batch);
    for (size_t b = 0; b < lengths.size(); ++b)
      if (lengths[b] < 0 || lengths[b] > most)
        error("the {} length of batch entry {} is {}, must be in 0..{}", what, b, lengths[b], most);
  }

  void checkGroups() {
    if (pattern_.layout.groups.empty()) return;
    int64_t count = pattern_.layout.byKvHead ? problem_.kvHeads : problem_.heads;
    const char *what = pattern_.layout.byKvHead ? "KV head" : "head";
    std::vector<int> owners(static_cast<size_t>(count), 0);
    for (const HeadGroup &group : pattern_.layout.groups)
      for (int64_t h = std::max<int64_t>(group.first, 0); h <= std::min(group.last, count - 1); ++h)
        ++owners[static_cast<size_t>(h)];
    for (int64_t h = 0; h < count; ++h)
      if (owners[static_cast<size_t>(h)] != 1)
        error("{} {} is in {} groups, must be in exactly one", what, h, owners[static_cast<size_t>(h)]);
    for (const HeadGroup &group : pattern_.layout.groups)
      if (group.last >= count)
        error("the group {}..{} goes beyond the last {} {}", group.first, group.last, what, count - 1);
  }

  void checkParams() {
    for (const auto &[name, value] : problem_.params) {
      const ParamDecl *param = pattern_.findParam(name);
      if (!param)
        error("the pattern '{}' has no parameter '{}'", pattern_.name, name);
      else if (value < param->low || value > param->high)
        error("parameter '{}' is {}, must be in {}..{}", name, value, param->low, param->high);
    }
  }

  int64_t queryEnd() const {
    int64_t end = 0;
    for (int64_t b = 0; b < problem_.batch; ++b)
      end = std::max(end, problem_.queryLength(b) + problem_.queryOffsetOf(b));
    return end;
  }
  int64_t keyEnd() const {
    int64_t end = 0;
    for (int64_t b = 0; b < problem_.batch; ++b)
      end = std::max(end, problem_.keyLength(b) + problem_.keyOffset);
    return end;
  }

  int64_t needed(const AuxAxis &axis, const AuxReach &reach) const {
    switch (axis.kind) {
    case AuxAxis::Kind::Batch: return problem_.batch;
    case AuxAxis::Kind::Head: return problem_.heads;
    case AuxAxis::Kind::KvHead: return problem_.kvHeads;
    case AuxAxis::Kind::Fixed: return axis.extent;
    case AuxAxis::Kind::Query:
    case AuxAxis::Kind::Key: {
      int64_t end = std::max(reach.query ? queryEnd() : 0, reach.key ? keyEnd() : 0);
      return ceilDiv(end, std::max<int64_t>(axis.block, 1));
    }
    }
    return 0;
  }

  void checkAux(const AuxDecl &aux, std::vector<AuxReach> reach) {
    auto given = problem_.aux.find(aux.name);
    if (given == problem_.aux.end()) {
      if (missing_ == MissingAux::Wrong) error("aux tensor '{}' is missing", aux.name);
      return;
    }
    const AuxValue &value = given->second;
    if (value.extents.size() != aux.axes.size())
      return error("aux tensor '{}' has {} axes, the pattern declares {}", aux.name, value.extents.size(),
                   aux.axes.size());
    reach.resize(aux.axes.size());
    size_t elements = 1;
    for (size_t i = 0; i < aux.axes.size(); ++i) {
      int64_t need = needed(aux.axes[i], reach[i]);
      elements *= static_cast<size_t>(std::max<int64_t>(value.extents[i], 0));
      if (value.extents[i] < need)
        error("aux tensor '{}' is too short: axis {} ({}) has {} entries, the pattern reads {}", aux.name, i,
              axisName(aux.axes[i].kind), value.extents[i], need);
    }
    size_t held = aux.type == AuxType::I32 ? value.ints.size() : value.floats.size();
    if (held < elements)
      error("aux tensor '{}' holds {} {} values, its extents ask for {}", aux.name, held,
            aux.type == AuxType::I32 ? "i32" : "f32", elements);
  }

  const Pattern &pattern_;
  const Problem &problem_;
  const MissingAux missing_;
  std::vector<std::string> errors_;
};

} // namespace

std::vector<std::string> checkProblem(const Pattern &pattern, const Problem &problem, MissingAux missing) {
  return ProblemCheck(pattern, problem, missing).run();
}

} // namespace maskloom
