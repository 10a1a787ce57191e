#include "maskloom/dsl/Rules.h"

namespace maskloom {

namespace {

Expr letter(const char *name, Type type) {
  ExprNode node;
  node.op = Op::Param;
  node.type = type;
  node.param = std::make_shared<const ParamDecl>(ParamDecl{name, 0, INT64_MIN, INT64_MAX, {}});
  return std::make_shared<const ExprNode>(std::move(node));
}

Index integer(const char *name) { return Index(letter(name, Type::Int)); }
Mask mask(const char *name) { return Mask(letter(name, Type::Bool)); }
Score real(const char *name) { return Score(letter(name, Type::Float)); }

std::vector<Rule> makeRules() {
  const Index x = integer("x"), y = integer("y"), z = integer("z");
  const Index a = integer("a"), b = integer("b"), c = integer("c");
  const Index d = integer("d"), e = integer("e"), g = integer("g");
  const Mask m = mask("m"), n = mask("n"), o = mask("o");
  const Score u = real("u"), v = real("v");
  const Index half = floordiv(d - 1, 2);
  constexpr auto ordered = Rule::Use::Ordered, oneExtremum = Rule::Use::OneExtremum;
  const Rule::When always = {};

  // Conditions are what makes a rule true. A rule that changes nothing is not applied.
  // clang-format off
  return {
    // Floor division: whole multiples of the divisor leave, common factors cancel, divisions of divisions are one.
    {floordiv(a*x + y, d),            floordiv(a, d)*x + floordiv((a % d)*x + y, d)},
    {floordiv(x + c, d),              floordiv(x + c % d, d) + floordiv(c, d)},
    {floordiv(x, d),                  x,                                             d == 1},
    {floordiv(g*x + c, g*d),          floordiv(x + floordiv(c, g), d)},
    {floordiv(y + floordiv(x, e), d), floordiv(x + e*y, d*e)},
    {floordiv(x % e + c, d),          0,                                             c >= 0 && c + e - 1 < d},
    {floordiv(x % e, d),              floordiv(x, d) % floordiv(e, d),               e % d == 0},

    // Modulus: coefficients in (-d/2, d/2], the constant in 0..d-1.
    {(a*x + y) % d,                   (((a + half) % d - half)*x + y) % d},
    {(x + c) % d,                     (x + c % d) % d},
    {(a*(x % e) + y) % d,             (a*x + y) % d,                                 a*e % d == 0},
    {(x % e + c) % d,                 x % e + c,                                     c >= 0 && c + e - 1 < d},
    {(g*x + c) % (g*d),               g*((x + floordiv(c, g)) % d) + c % g},

    // min, max, abs, select of integers and floats
    {min(x + a, x + b),               x + a,                                         a <= b},
    {max(x + a, x + b),               x + a,                                         a >= b},
    {abs(x % d),                      x % d},
    {abs(abs(x)),                     abs(x)},
    {abs(x),                          abs(-x),                                       always, ordered},
    {select(all(), x, y),             x},
    {select(none(), x, y),            y},
    {select(m, x, x),                 x},
    {select(m, x, y),                 select(!m, y, x),                              always, ordered},
    {select(all(), u, v),             u},
    {select(none(), u, v),            v},
    {select(m, u, u),                 u},

    // Comparisons: a sum without a constant against a constant, by >= == !=.
    {x < y,                           y - x >= 1},
    {x > y,                           x - y >= 1},
    {x <= y,                          y - x >= 0},
    {x >= a*y + z,                    x - (a*y + z) >= 0},
    {x == a*y + z,                    x - (a*y + z) == 0},
    {x != a*y + z,                    x - (a*y + z) != 0},
    {x > y,                           y < x},  // where a difference leaves 64 bits
    {x <= y,                          y >= x},
    {x + c >= b,                      x >= b - c},
    {x + c == b,                      x == b - c},
    {x + c != b,                      x != b - c},
    {g*x >= b,                        x >= -floordiv(-b, g)},
    {g*x == b,                        x == floordiv(b, g),                           b % g == 0},
    {g*x != b,                        x != floordiv(b, g),                           b % g == 0},
    {g*x == b,                        none(),                                        b % g != 0},
    {g*x != b,                        all(),                                         b % g != 0},
    {x == b,                          -x == -b,                                      always, ordered},
    {x != b,                          -x != -b,                                      always, ordered},

    // Comparisons of a modulus, whose values are 0..d-1.
    {x % d >= c,                      all(),                                         c <= 0},
    {x % d >= c,                      none(),                                        c >= d},
    {x % d >= c,                      x % d != 0,                                    c == 1},
    {x % d >= c,                      x % d == c,                                    c == d - 1},
    {-(x % d) >= c,                   none(),                                        c >= 1},
    {-(x % d) >= c,                   all(),                                         c <= 1 - d},
    {-(x % d) >= c,                   x % d == 0,                                    c == 0},
    {-(x % d) >= c,                   x % d != d - 1,                                c == 2 - d},
    {x % d == c,                      none(),                                        c < 0 || c >= d},
    {x % d != c,                      all(),                                         c < 0 || c >= d},
    {x % d == c,                      (x - c) % d == 0,                              c >= 0 && c < d},
    {x % d != c,                      (x - c) % d != 0,                              c >= 0 && c < d},
    {x % d != 0,                      (x + 1) % d == 0,                              d == 2},
    {x % d == 0,                      -x % d == 0,                                   always, ordered},
    {x % d != 0,                      -x % d != 0,                                   always, ordered},

    // Comparisons of min, max and abs are those of their operands.
    {y + min(x, z) >= a,              y + x >= a && y + z >= a,                      always, oneExtremum},
    {y + max(x, z) >= a,              y + x >= a || y + z >= a,                      always, oneExtremum},
    {y - min(x, z) >= a,              y - x >= a || y - z >= a,                      always, oneExtremum},
    {y - max(x, z) >= a,              y - x >= a && y - z >= a,                      always, oneExtremum},
    {y + abs(x) >= a,                 y + x >= a || y - x >= a,                      always, oneExtremum},
    {y - abs(x) >= a,                 y - x >= a && y + x >= a,                      always, oneExtremum},

    // Negation moves to the comparisons and vanishes there (De Morgan).
    {!!m,                             m},
    {!(m && n),                       !m || !n},
    {!(m || n),                       !m && !n},
    {!select(m, n, o),                select(m, !n, !o)},
    {!(x >= a),                       -x >= 1 - a},
    {!(x >= y),                       x < y},  // where a difference leaves 64 bits
    {!(x < y),                        x >= y},
    {!(x == y),                       x != y},
    {!(x != y),                       x == y},

    // Connectives; select of masks
    {m && none(),                     none()},
    {m || all(),                      all()},
    {m && all(),                      m},
    {m || none(),                     m},
    {m && m,                          m},
    {m || m,                          m},
    {m && !m,                         none()},
    {m || !m,                         all()},
    {m && (m || n),                   m},
    {m || (m && n),                   m},
    {select(all(), m, n),             m},
    {select(none(), m, n),            n},
    {select(m, n, n),                 n},
    {select(m, all(), n),             m || n},
    {select(m, none(), n),            !m && n},
    {select(m, n, all()),             !m || n},
    {select(m, n, none()),            m && n},
    {select(m, n, o),                 select(!m, o, n),                              always, ordered},

    // Two bounds of the same sum: duplicate, contradicting, adjacent.
    {x >= a && x >= b,                x >= a,                                        a >= b},
    {x >= a && -x >= b,               none(),                                        a + b > 0},
    {x >= a && -x >= b,               x == a,                                        a + b == 0},
    {x == a && x >= b,                x == a,                                        a >= b},
    {x == a && x >= b,                none(),                                        a < b},
    {x == a && -x >= b,               x == a,                                        -a >= b},
    {x == a && -x >= b,               none(),                                        -a < b},
    {x == a && x == b,                none(),                                        a != b},
    {x == a && x != b,                x == a,                                        a != b},
    {x == a && x != b,                none(),                                        a == b},
    {x != a && x >= b,                x >= b,                                        a < b},
    {x != a && x >= b,                x >= b + 1,                                    a == b},
    {x != a && -x >= b,               -x >= b,                                       -a < b},
    {x != a && -x >= b,               -x >= b + 1,                                   -a == b},
    {x >= a || x >= b,                x >= a,                                        a <= b},
    {x >= a || -x >= b,               all(),                                         a + b <= 1},
    {x >= a || -x >= b,               x != a - 1,                                    a + b == 2},
    {x != a || x >= b,                x != a,                                        a < b},
    {x != a || x >= b,                all(),                                         a >= b},
    {x != a || -x >= b,               x != a,                                        -a < b},
    {x != a || -x >= b,               all(),                                         -a >= b},
    {x != a || x != b,                all(),                                         a != b},
    {x != a || x == b,                x != a,                                        a != b},
    {x != a || x == b,                all(),                                         a == b},
    {x == a || x >= b,                x >= b,                                        a >= b},
    {x == a || x >= b,                x >= a,                                        a == b - 1},
    {x == a || -x >= b,               -x >= b,                                       -a >= b},
    {x == a || -x >= b,               -x >= -a,                                      -a == b - 1},
  };
  // clang-format on
}

} // namespace

const std::vector<Rule> &simplificationRules() {
  static const std::vector<Rule> rules = makeRules();
  return rules;
}

Letter letterOf(const ExprNode &node) {
  switch (node.param->name[0]) {
  case 'a':
  case 'b':
  case 'c': return Letter::Constant;
  case 'd':
  case 'e': return Letter::Divisor;
  case 'g': return Letter::Factor;
  default: break;
  }
  return node.type == Type::Int ? Letter::Integer : node.type == Type::Bool ? Letter::Mask : Letter::Float;
}

} // namespace maskloom
