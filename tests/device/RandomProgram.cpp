#include "RandomProgram.h"

#include <random>

#include <gtest/gtest.h>

namespace maskloom {
namespace {

class Maker {
public:
  Maker(unsigned seed, int runs) : random_(seed), runs_(runs) {}

  Program program() {
    Program p;
    p.name = text();
    p.hash = text();
    p.params = list<ProgramParam>(
        1, 4, [&] { return ProgramParam{text(), integer(), integer(), integer(), coin()}; });
    p.auxes = list<ProgramAux>(1, 3, [&] {
      ProgramAux aux{text(), coin(), {}};
      aux.axes = list<ProgramAux::Axis>(1, 3, [&] {
        return ProgramAux::Axis{static_cast<ProgramAux::Axis::Kind>(below(6)), 1 + below(64), below(100)};
      });
      return aux;
    });
    params_ = p.params.size();
    auxes_ = p.auxes.size();
    p.auxScalars = list<AuxScalar>(1, 2, [&] {
      return AuxScalar{static_cast<int32_t>(below(auxes_)),
                       list<Predicate>(1, 3, [&] { return predicate(); })};
    });
    auxScalars_ = p.auxScalars.size();
    p.sinkAux = static_cast<int32_t>(below(auxes_ + 1)) - 1;
    p.blocksAux = static_cast<int32_t>(below(auxes_ + 1)) - 1;
    p.groupsByKvHead = coin();
    p.groups = list<HeadGroupProgram>(1, 3, [&] {
      HeadGroupProgram group;
      group.first = below(8);
      group.last = coin() ? INT64_MAX : below(100);
      group.predicate = predicate();
      group.forward = schedule(Orientation::Forward);
      group.transposed = schedule(Orientation::Transposed);
      return group;
    });
    p.hasScore = coin();
    KernelProgram &k = p.kernel;
    k.entry = text();
    k.source = "extern \"C\" { // \t\n" + text() + "}\n";
    k.config = {text(),  static_cast<DType>(below(3)),
                small(), small(),
                small(), small(),
                small(), small(),
                16,      small(),
                coin(),  small()};
    k.threads = small();
    k.sharedBytes = small();
    k.parameterBytes = small();
    k.fields = list<KernelField>(0, 5, [&] { return KernelField{text(), "i64", small(), small()}; });
    k.planEntry = coin() ? "" : text();
    k.orderEntry = coin() ? "" : text();
    p.cpuObject = std::string("\x7f"
                              "ELF\0\xff",
                              6);
    p.remarks = list<std::string>(0, 3, [&] { return text(); });
    return p;
  }

private:
  int64_t below(size_t n) { return static_cast<int64_t>(random_() % n); }
  bool coin() { return random_() & 1; }
  int32_t small() { return 1 + static_cast<int32_t>(below(100000)); }
  int64_t integer() {
    switch (below(4)) {
    case 0: return INT64_MAX;
    case 1: return INT64_MIN;
    default: return static_cast<int64_t>(random_()) >> below(60);
    }
  }
  std::string text() {
    static const char *const kPieces[] = {"a", "Z9", "_", " ", "\"", "\\", "\n", "\xc3\xa9", "{", "%"};
    std::string out;
    for (int64_t n = below(6); n > 0; --n) out += kPieces[below(10)];
    return out;
  }
  template <class T, class F>
  std::vector<T> list(size_t low, size_t high, F make) {
    std::vector<T> out(low + static_cast<size_t>(below(high - low + 1)));
    for (T &item : out) item = make();
    return out;
  }

  Affine affine() {
    Affine out;
    out.constant = integer();
    out.terms = list<Term>(0, 4, [&] {
      Term term;
      do term.symbol = static_cast<Symbol>(below(static_cast<size_t>(Symbol::AuxScalar) + 1));
      while ((term.symbol == Symbol::Floor && !floors_) ||
             (term.symbol == Symbol::AuxScalar && !auxScalars_));
      if (term.symbol == Symbol::Param) term.index = static_cast<int32_t>(below(params_));
      if (term.symbol == Symbol::Floor) term.index = static_cast<int32_t>(below(floors_));
      if (term.symbol == Symbol::AuxScalar) term.index = static_cast<int32_t>(below(auxScalars_));
      term.coefficient = integer();
      return term;
    });
    return out;
  }
  Run run() {
    Run out;
    auto bound = [&] { return Bound{affine(), 1 + below(100)}; };
    auto condition = [&] { return Condition{affine(), coin()}; };
    out.lower = list<Bound>(0, 2, bound);
    out.upper = list<Bound>(0, 2, bound);
    out.guards = list<Condition>(0, 2, condition);
    out.congruences =
        list<Congruence>(0, 2, [&] { return Congruence{integer(), affine(), 1 + below(100), affine()}; });
    out.gaps = list<Gap>(0, 1, [&] { return Gap{affine(), 1 + below(9), affine(), 1 + below(9)}; });
    out.filters = list<Condition>(0, 1, condition);
    out.exact = coin();
    return out;
  }
  Schedule schedule(Orientation orientation) {
    Schedule out;
    out.orientation = orientation;
    out.tile = {1 + below(256), 1 + below(256)};
    floors_ = 0;
    for (int64_t n = below(4); n > 0; --n) {
      out.floors.push_back({affine(), 1 + below(100), coin()});
      ++floors_;
    }
    size_t low = runs_ ? runs_ : 0, high = runs_ ? runs_ : 4;
    out.touched = list<Run>(low, high, [&] { return run(); });
    out.notFull = list<Run>(low, high, [&] { return run(); });
    out.closedForm = coin();
    out.remark = text();
    return out;
  }
  Predicate predicate() {
    using Op = PredicateNode::Op;
    Predicate out;
    for (int32_t i = 0, n = 1 + static_cast<int32_t>(below(12)); i < n; ++i) {
      PredicateNode node;
      node.op = static_cast<Op>(i < 3 ? below(3) : below(static_cast<size_t>(Op::Select) + 1));
      node.value = integer();
      if (node.op == Op::Symbol) {
        do node.symbol = static_cast<Symbol>(below(static_cast<size_t>(Symbol::AuxScalar) + 1));
        while (node.symbol == Symbol::AuxScalar && !auxScalars_);
        node.value = node.symbol == Symbol::Param       ? below(params_)
                     : node.symbol == Symbol::AuxScalar ? below(auxScalars_)
                                                        : 0;
      }
      if (node.op == Op::AuxLoad) node.value = below(auxes_);
      if (i >= 3)
        for (int32_t &operand : node.operands) operand = static_cast<int32_t>(below(i));
      out.nodes.push_back(node);
    }
    return out;
  }

  std::mt19937_64 random_;
  int runs_;
  size_t params_ = 0, auxes_ = 0, auxScalars_ = 0, floors_ = 0;
};

// Comparison by hand, not through the JSON that is under test.

template <class T, class F>
void each(const std::vector<T> &a, const std::vector<T> &b, F compare) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) compare(a[i], b[i]);
}
void same(const Predicate &a, const Predicate &b) {
  each(a.nodes, b.nodes, [](const PredicateNode &x, const PredicateNode &y) {
    EXPECT_EQ(x.op, y.op);
    EXPECT_EQ(x.symbol, y.symbol);
    EXPECT_EQ(x.value, y.value);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(x.operands[i], y.operands[i]);
  });
}
void same(const Bound &a, const Bound &b) {
  EXPECT_EQ(a.numerator, b.numerator);
  EXPECT_EQ(a.denominator, b.denominator);
}
void same(const Condition &a, const Condition &b) {
  EXPECT_EQ(a.affine, b.affine);
  EXPECT_EQ(a.equality, b.equality);
}
void same(const Run &a, const Run &b) {
  auto pair = [](const auto &x, const auto &y) { same(x, y); };
  each(a.lower, b.lower, pair);
  each(a.upper, b.upper, pair);
  each(a.guards, b.guards, pair);
  each(a.filters, b.filters, pair);
  each(a.congruences, b.congruences, [](const Congruence &x, const Congruence &y) {
    EXPECT_EQ(x.a, y.a);
    EXPECT_EQ(x.phase, y.phase);
    EXPECT_EQ(x.period, y.period);
    EXPECT_EQ(x.width, y.width);
  });
  each(a.gaps, b.gaps, [](const Gap &x, const Gap &y) {
    EXPECT_EQ(x.upper, y.upper);
    EXPECT_EQ(x.b, y.b);
    EXPECT_EQ(x.lower, y.lower);
    EXPECT_EQ(x.a, y.a);
  });
  EXPECT_EQ(a.exact, b.exact);
}
void same(const Schedule &a, const Schedule &b) {
  EXPECT_EQ(a.orientation, b.orientation);
  EXPECT_EQ(a.tile, b.tile);
  each(a.floors, b.floors, [](const FloorScalar &x, const FloorScalar &y) {
    EXPECT_EQ(x.numerator, y.numerator);
    EXPECT_EQ(x.denominator, y.denominator);
    EXPECT_EQ(x.dependsOnInner, y.dependsOnInner);
  });
  auto pair = [](const Run &x, const Run &y) { same(x, y); };
  each(a.touched, b.touched, pair);
  each(a.notFull, b.notFull, pair);
  EXPECT_EQ(a.closedForm, b.closedForm);
  EXPECT_EQ(a.remark, b.remark);
}

} // namespace

Program randomProgram(unsigned seed, int runs) { return Maker(seed, runs).program(); }

void expectSame(const Program &a, const Program &b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.hash, b.hash);
  EXPECT_EQ(a.params, b.params);
  EXPECT_EQ(a.auxes, b.auxes);
  each(a.auxScalars, b.auxScalars, [](const AuxScalar &x, const AuxScalar &y) {
    EXPECT_EQ(x.aux, y.aux);
    each(x.indices, y.indices, [](const Predicate &p, const Predicate &q) { same(p, q); });
  });
  EXPECT_EQ(a.sinkAux, b.sinkAux);
  EXPECT_EQ(a.blocksAux, b.blocksAux);
  EXPECT_EQ(a.groupsByKvHead, b.groupsByKvHead);
  each(a.groups, b.groups, [](const HeadGroupProgram &x, const HeadGroupProgram &y) {
    EXPECT_EQ(x.first, y.first);
    EXPECT_EQ(x.last, y.last);
    same(x.predicate, y.predicate);
    same(x.forward, y.forward);
    same(x.transposed, y.transposed);
  });
  EXPECT_EQ(a.hasScore, b.hasScore);
  EXPECT_EQ(a.kernel.entry, b.kernel.entry);
  EXPECT_EQ(a.kernel.source, b.kernel.source);
  EXPECT_EQ(a.kernel.config, b.kernel.config);
  EXPECT_EQ(a.kernel.threads, b.kernel.threads);
  EXPECT_EQ(a.kernel.sharedBytes, b.kernel.sharedBytes);
  EXPECT_EQ(a.kernel.parameterBytes, b.kernel.parameterBytes);
  EXPECT_EQ(a.kernel.planEntry, b.kernel.planEntry);
  EXPECT_EQ(a.kernel.orderEntry, b.kernel.orderEntry);
  each(a.kernel.fields, b.kernel.fields, [](const KernelField &x, const KernelField &y) {
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.type, y.type);
    EXPECT_EQ(x.offset, y.offset);
    EXPECT_EQ(x.count, y.count);
  });
  EXPECT_EQ(a.cpuObject, b.cpuObject);
  EXPECT_EQ(a.remarks, b.remarks);
}

} // namespace maskloom
