#include "maskloom/dsl/Check.h"

#include "maskloom/dsl/CheckExpr.h"
#include "maskloom/dsl/Limits.h"
#include "maskloom/dsl/Names.h"

#include <fmt/format.h>

#include <algorithm>

namespace maskloom {

namespace {

std::string rangeText(const Layout &layout, int64_t first, int64_t last) {
  const char *what = layout.byKvHead ? "KV head" : "head";
  return first == last ? fmt::format("{} {}", what, first) : fmt::format("{}s {}..{}", what, first, last);
}

class PatternCheck {
public:
  explicit PatternCheck(const Pattern &pattern) : pattern_(pattern) {}

  std::vector<Diagnostic> run() {
    checkParams();
    checkAuxes();
    checkNames();
    checkSpace();
    if (!pattern_.mask)
      error(pattern_.loc, "the pattern has no mask", "add a mask, or 'mask all;'");
    else
      checkMaskExpr(pattern_.mask, diagnostics_);
    for (const HeadGroup &group : pattern_.layout.groups) checkMaskExpr(group.mask, diagnostics_);
    checkGroups();
    for (const Expr &score : pattern_.scores) checkScoreExpr(score, diagnostics_);
    checkSink();
    checkBlocks();
    return std::move(diagnostics_);
  }

private:
  void error(const Location &loc, std::string message, std::string hint = {}) {
    diagnostics_.push_back(makeError(loc, std::move(message), std::move(hint)));
  }
  void note(const Location &loc, std::string message) {
    diagnostics_.push_back(makeNote(loc, std::move(message)));
  }

  void checkParams() {
    if (pattern_.params.size() > kMostParams)
      error(pattern_.params[kMostParams]->loc,
            fmt::format("a pattern may have at most {} parameters, '{}' has {}", kMostParams, pattern_.name,
                        pattern_.params.size()));
    for (const auto &param : pattern_.params) {
      if (param->low > param->high)
        error(param->loc,
              fmt::format("parameter '{}' has the empty range {}..{}", param->name, param->low, param->high));
      else if (param->defaultValue < param->low || param->defaultValue > param->high)
        error(param->loc, fmt::format("the default {} of parameter '{}' is outside its range {}..{}",
                                      param->defaultValue, param->name, param->low, param->high));
    }
  }

  void checkAuxes() {
    if (pattern_.auxes.size() > kMostAuxes)
      error(pattern_.auxes[kMostAuxes]->loc,
            fmt::format("a pattern may have at most {} aux tensors, '{}' has {}", kMostAuxes, pattern_.name,
                        pattern_.auxes.size()));
    for (const auto &aux : pattern_.auxes) {
      if (aux->axes.empty() || aux->axes.size() > 3)
        error(aux->loc,
              fmt::format("aux tensor '{}' has {} axes, must have 1 to 3", aux->name, aux->axes.size()));
      for (const AuxAxis &axis : aux->axes) {
        if (axis.kind == AuxAxis::Kind::Fixed && axis.extent < 1)
          error(aux->loc, fmt::format("aux tensor '{}' has an axis of extent {}, must be at least 1",
                                      aux->name, axis.extent));
        if (axis.block < 1)
          error(aux->loc, fmt::format("aux tensor '{}' has blocks of {} tokens, must be at least 1",
                                      aux->name, axis.block));
      }
    }
  }

  // Parameters and tensors are given by name at run time, so names must be unique and writable.
  void checkNames() {
    struct Named {
      const char *what;
      const std::string *name;
      const Location *loc;
    };
    std::vector<Named> all;
    all.push_back({"pattern", &pattern_.name, &pattern_.loc});
    for (const auto &param : pattern_.params) all.push_back({"parameter", &param->name, &param->loc});
    for (const auto &aux : pattern_.auxes) all.push_back({"aux tensor", &aux->name, &aux->loc});
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].name->size() > kLongestName)
        error(*all[i].loc, fmt::format("the name of a {} may have at most {} characters, this one has {}",
                                       all[i].what, kLongestName, all[i].name->size()));
      else if (!isIdentifier(*all[i].name))
        error(*all[i].loc, fmt::format("'{}' is no name for a {}: use letters, digits and '_'", *all[i].name,
                                       all[i].what));
      else if (i > 0 && isReserved(*all[i].name))
        error(*all[i].loc,
              fmt::format("'{}' is a word of the language and cannot name a {}", *all[i].name, all[i].what));
      for (size_t j = 1; j < i; ++j)
        if (*all[i].name == *all[j].name) {
          error(*all[i].loc, fmt::format("the name '{}' is declared twice", *all[i].name),
                "declare it once and use that object everywhere");
          note(*all[j].loc, fmt::format("the first '{}' is declared here", *all[j].name));
          break;
        }
    }
  }

  void checkSpace() {
    if (pattern_.space.size() > kMostSpaceAxes)
      error(pattern_.loc, fmt::format("the token space has {} axes, at most {} are possible",
                                      pattern_.space.size(), kMostSpaceAxes));
    int64_t tokens = 1;
    for (int64_t extent : pattern_.space) {
      if (extent < 1) {
        error(pattern_.loc,
              fmt::format("the token space has an axis of extent {}, must be at least 1", extent));
        return;
      }
      if (__builtin_mul_overflow(tokens, extent, &tokens)) {
        error(pattern_.loc, "the token space holds more than 2^63 tokens");
        return;
      }
    }
  }

  void checkGroups() {
    const Layout &layout = pattern_.layout;
    if (layout.mixesKinds)
      error(layout.groups.front().loc, "'heads' and 'kv_heads' groups cannot be mixed",
            "use one kind for all groups of a pattern");
    std::vector<const HeadGroup *> sorted;
    for (const HeadGroup &group : layout.groups) {
      if (group.first < 0 || group.first > group.last) {
        error(group.loc, fmt::format("{}..{} is no range of heads", group.first, group.last),
              "write the first and the last head, both included: 0..7");
        return;
      }
      if (group.last >= kMostHeads) {
        error(group.loc, fmt::format("head {} is beyond the last one, {}", group.last, kMostHeads - 1),
              "heads count from 0");
        return;
      }
      sorted.push_back(&group);
    }
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const HeadGroup *a, const HeadGroup *b) { return a->first < b->first; });
    int64_t next = 0; // first head that is in no group so far
    const HeadGroup *before = nullptr;
    for (const HeadGroup *group : sorted) {
      if (group->first > next)
        error(group->loc, fmt::format("{} in no group", isAre(next, group->first - 1)),
              "groups must hold every head exactly once");
      if (before && group->first < next) {
        error(group->loc,
              fmt::format("the groups {}..{} and {}..{} overlap", before->first, before->last, group->first,
                          group->last),
              "groups must hold every head exactly once");
        note(before->loc, "the other group is declared here");
      }
      if (group->last >= next) {
        before = group;
        next = group->last == INT64_MAX ? INT64_MAX : group->last + 1;
      }
    }
  }

  std::string isAre(int64_t first, int64_t last) const {
    return rangeText(pattern_.layout, first, last) + (first == last ? " is" : " are");
  }

  void checkSink() {
    if (!pattern_.sink) return;
    const AuxDecl &sink = *pattern_.sink;
    if (sink.type != AuxType::F32 || sink.axes.size() != 1 || sink.axes[0].kind != AuxAxis::Kind::Head)
      error(sink.loc, fmt::format("the sink '{}' must be an f32 tensor over h", sink.name),
            fmt::format("declare it as 'aux {}[h]: f32;'", sink.name));
  }

  void checkBlocks() {
    if (!pattern_.blocks) return;
    const AuxDecl &table = *pattern_.blocks;
    using Kind = AuxAxis::Kind;
    bool fits = table.type == AuxType::I32 && table.axes.size() == 3 &&
                (table.axes[0].kind == Kind::Head || table.axes[0].kind == Kind::KvHead) &&
                table.axes[1].kind == Kind::Query && table.axes[2].kind == Kind::Key;
    if (!fits)
      error(table.loc,
            fmt::format("the block table '{}' must be an i32 tensor over heads, query blocks and "
                        "key blocks",
                        table.name),
            fmt::format("declare it as 'blocks {}[h, q/128, k/128];'", table.name));
  }

  const Pattern &pattern_;
  std::vector<Diagnostic> diagnostics_;
};

} // namespace

std::vector<Diagnostic> checkPattern(const Pattern &pattern) { return PatternCheck(pattern).run(); }

std::vector<Diagnostic> checkHeads(const Pattern &pattern, int64_t heads, int64_t kvHeads) {
  std::vector<Diagnostic> diagnostics;
  auto error = [&](const Location &loc, std::string message, std::string hint) {
    diagnostics.push_back(makeError(loc, std::move(message), std::move(hint)));
  };
  if (heads < 1 || kvHeads < 1) {
    error(pattern.loc, fmt::format("{} query heads and {} KV heads: both must be at least 1", heads, kvHeads),
          "");
    return diagnostics;
  }
  if (heads % kvHeads != 0)
    error(pattern.loc, fmt::format("{} query heads cannot be shared evenly by {} KV heads", heads, kvHeads),
          "the number of query heads must be a multiple of the number of KV heads");
  const Layout &layout = pattern.layout;
  if (layout.groups.empty()) return diagnostics;
  int64_t count = layout.byKvHead ? kvHeads : heads;
  const HeadGroup *highest = &layout.groups.front();
  for (const HeadGroup &group : layout.groups)
    if (group.last > highest->last) highest = &group;
  if (highest->last >= count)
    error(highest->loc,
          fmt::format("{} do not exist: there are {} {}s",
                      rangeText(layout, std::max(highest->first, count), highest->last), count,
                      layout.byKvHead ? "KV head" : "head"),
          "compile for more heads, or shorten the group");
  else if (highest->last + 1 < count)
    error(highest->loc,
          fmt::format("{} in no group: there are {} {}s",
                      rangeText(layout, highest->last + 1, count - 1) +
                          (highest->last + 2 == count ? " is" : " are"),
                      count, layout.byKvHead ? "KV head" : "head"),
          "groups must hold every head exactly once");
  return diagnostics;
}

std::vector<Diagnostic> checkConstants(const Pattern &pattern,
                                       const std::map<std::string, int64_t> &constants) {
  std::vector<Diagnostic> diagnostics;
  for (const auto &[name, value] : constants) {
    const ParamDecl *param = pattern.findParam(name);
    std::vector<std::string> names;
    for (const auto &known : pattern.params) names.push_back(known->name);
    std::string nearest = nearestName(name, names);
    if (!param)
      diagnostics.push_back(
          makeError(pattern.loc, fmt::format("the pattern '{}' has no parameter '{}'", pattern.name, name),
                    nearest.empty() ? "" : fmt::format("did you mean '{}'?", nearest)));
    else if (value < param->low || value > param->high)
      diagnostics.push_back(makeError(param->loc, fmt::format("parameter '{}' is {}, must be in {}..{}", name,
                                                              value, param->low, param->high)));
  }
  return diagnostics;
}

} // namespace maskloom
