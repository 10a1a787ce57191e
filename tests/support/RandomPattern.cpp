#include "tests/support/RandomPattern.h"

#include "tests/support/RandomMasks.h"

namespace maskloom::testing {

namespace {

class Generator : RandomMasks {
public:
  Generator(uint64_t seed, uint64_t index, uint64_t attempt, const RandomOptions &options)
      : RandomMasks(Random(seed, index, attempt), options, static_cast<Feature>(index % kFeatures)) {
    result_.seed = seed;
    result_.index = index;
  }

  RandomCase generate() {
    chooseProblem();
    Mask mask = chooseMask();
    Pattern pattern = forced_ == Feature::Groups || random_.chance(15)
                          ? Pattern(patternName(), mask, chooseLayout())
                          : Pattern(patternName(), mask);
    result_.pattern = std::move(pattern);
    result_.problem = problem_;
    return std::move(result_);
  }

private:
  std::string patternName() const { return fmt::format("random_{}_{}", result_.seed, result_.index); }

  // ---- the problem ----

  int64_t chooseLength() {
    int64_t kind = random_.uniform(0, 9);
    int64_t most = kind < 5 ? 96 : kind < 9 ? 200 : options_.maxTokens;
    return random_.uniform(1, std::min(most, options_.maxTokens));
  }

  void chooseProblem() {
    static constexpr int64_t smallTiles[] = {8, 16, 16, 16, 24, 32, 32};
    static constexpr int64_t largeTiles[] = {16, 16, 32, 32, 48, 64, 64, 80, 96, 112, 128};
    bool large = options_.largeTiles && random_.chance(60);
    result_.tileQueries = large ? random_.pick(largeTiles) : random_.pick(smallTiles);
    result_.tileKeys = large ? random_.pick(largeTiles) : random_.pick(smallTiles);

    problem_.kvHeads = random_.uniform(1, std::max<int64_t>(1, options_.maxHeads / 2));
    if (forced_ == Feature::Groups && problem_.kvHeads == 1 && options_.maxHeads > 1) problem_.kvHeads = 2;
    problem_.heads =
        problem_.kvHeads * random_.uniform(1, std::max<int64_t>(1, options_.maxHeads / problem_.kvHeads));

    problem_.keys = problem_.queries = chooseLength();
    if (wants(Feature::UnequalLengths, 40)) {
      static constexpr int64_t few[] = {1, 2, 3, 7};
      problem_.queries = random_.chance(25) ? random_.pick(few) : chooseLength();
      if (problem_.queries == problem_.keys) ++problem_.keys;
      mark(Feature::UnequalLengths);
    }
    if (wants(Feature::QueryOffset, 20)) {
      problem_.queryOffset = random_.chance(80) ? random_.uniform(0, 200) : random_.uniform(-60, -1);
      if (*problem_.queryOffset == problem_.keys - problem_.queries) ++*problem_.queryOffset;
      mark(Feature::QueryOffset);
    }
    if (wants(Feature::KeyOffset, 15)) {
      problem_.keyOffset = random_.uniform(1, 150);
      mark(Feature::KeyOffset);
    }
    if (options_.batches && wants(Feature::BatchLengths, 10)) {
      problem_.batch = random_.uniform(2, 3);
      for (int64_t b = 0; b < problem_.batch; ++b) {
        problem_.queryLengths.push_back(random_.uniform(0, problem_.queries));
        problem_.keyLengths.push_back(random_.uniform(0, problem_.keys));
      }
      mark(Feature::BatchLengths);
    }
  }

  // ---- putting them together ----

  Mask atom() {
    switch (random_.uniform(0, options_.nasty ? 15 : 14)) {
    case 0: return causalMask();
    case 1:
    case 2: return window();
    case 3: return sink();
    case 4: return localBlocks();
    case 5:
    case 6: return strided();
    case 7: return dilated();
    case 8: return sameBlock();
    case 9: return spaceWindow();
    case 10: return documentsByConstants();
    case 11: return bandsMask();
    case 12: return neighbourhood();
    case 13: return random_.chance(50) ? lengths() : minMax();
    case 14: return selected();
    default: return nastyMask();
    }
  }

  // An atom that has the forced feature, where a feature is one of atoms.
  Mask firstAtom() {
    switch (forced_) {
    case Feature::UnalignedDivisor:
    case Feature::ConstantParameter: return random_.chance(50) ? localBlocks() : strided();
    case Feature::Bands: return bandsMask();
    case Feature::HeadInModulus:
    case Feature::KvHead: return strided();
    case Feature::Space: return spaceWindow();
    case Feature::Parameter: return random_.chance(50) ? sink() : localBlocks();
    case Feature::MinMaxAbs: return minMax();
    case Feature::Select: return selected();
    case Feature::Lengths: return random_.chance(50) ? lengths() : neighbourhood();
    case Feature::Nasty: return options_.nasty ? nastyMask() : atom();
    default: return atom();
    }
  }

  Mask maybeNegated(Mask mask, int percent) {
    if (!random_.chance(percent)) return mask;
    mark(Feature::Negation);
    return !mask;
  }

  Mask chooseMask() {
    Mask mask = firstAtom();
    if (forced_ == Feature::Negation) mask = maybeNegated(mask, 100);
    for (int64_t more = random_.uniform(0, 3); more > 0; --more) {
      Mask next = maybeNegated(atom(), 15);
      mask = random_.chance(65) ? mask || next : mask && next;
    }
    mask = maybeNegated(mask, 5);
    return random_.chance(65) ? causalMask() && mask : mask;
  }

  Layout chooseLayout() {
    Layout layout;
    bool byKvHead = problem_.kvHeads > 1 && random_.chance(40);
    int64_t count = byKvHead ? problem_.kvHeads : problem_.heads;
    if (count > 1) mark(Feature::Groups);
    int64_t first = 0;
    while (first < count) {
      int64_t last = random_.uniform(first, first == 0 && count > 1 ? count - 2 : count - 1);
      Mask mask = random_.chance(20) ? all() : maybeNegated(atom(), 15);
      if (byKvHead)
        layout.kvHeads(first, last, mask);
      else
        layout.heads(first, last, mask);
      first = last + 1;
    }
    return layout;
  }
};

// Are there visible and invisible pairs among a few hundred samples?
bool isMixed(const RandomCase &c) {
  constexpr int64_t kSteps = 12; // of each axis
  const Problem &problem = c.problem;
  Interpreter interpreter(c.pattern, problem);
  bool visible = false, invisible = false;
  for (int64_t b = 0; b < problem.batch; ++b)
    for (int64_t h = 0; h < problem.heads; ++h)
      for (int64_t i = 0; i <= kSteps; ++i)
        for (int64_t j = 0; j <= kSteps; ++j) {
          int64_t row = (problem.queryLength(b) - 1) * i / kSteps;
          int64_t column = (problem.keyLength(b) - 1) * j / kSteps;
          if (row < 0 || column < 0) continue;
          (interpreter.visible(b, h, row, column) ? visible : invisible) = true;
        }
  return visible && invisible;
}

} // namespace

const char *name(Feature feature) {
  switch (feature) {
  case Feature::UnalignedDivisor: return "unaligned divisor";
  case Feature::Negation: return "negation";
  case Feature::Bands: return "bands";
  case Feature::HeadInModulus: return "head in modulus";
  case Feature::KvHead: return "KV head";
  case Feature::Space: return "N-D space";
  case Feature::QueryOffset: return "query offset";
  case Feature::KeyOffset: return "key offset";
  case Feature::Parameter: return "parameter";
  case Feature::ConstantParameter: return "constant parameter";
  case Feature::MinMaxAbs: return "min, max, abs";
  case Feature::Select: return "select";
  case Feature::UnequalLengths: return "Sq != Sk";
  case Feature::Groups: return "groups of heads";
  case Feature::Lengths: return "lengths in the mask";
  case Feature::BatchLengths: return "lengths per batch entry";
  case Feature::Nasty: return "random operators";
  }
  return "?";
}

std::string RandomCase::describe() const {
  std::string text = fmt::format(
      "seed {} index {}: tile {}x{}, batch {}, heads {}/{}, Sq {}, Sk {}, q_offset {}, k_offset {}", seed,
      index, tileQueries, tileKeys, problem.batch, problem.heads, problem.kvHeads, problem.queries,
      problem.keys, problem.queryOffset ? fmt::format("{}", *problem.queryOffset) : "default",
      problem.keyOffset);
  for (int64_t b = 0; b < problem.batch && !problem.keyLengths.empty(); ++b)
    text += fmt::format(", lengths[{}] {}/{}", b, problem.queryLength(b), problem.keyLength(b));
  for (const auto &[parameter, value] : problem.params) text += fmt::format(", {} = {}", parameter, value);
  text += "; features:";
  for (size_t i = 0; i < kFeatures; ++i)
    if (features[i]) text += fmt::format(" [{}]", name(static_cast<Feature>(i)));
  return text;
}

RandomCase randomCase(uint64_t seed, uint64_t index, const RandomOptions &options) {
  constexpr uint64_t kAttempts = 4;
  for (uint64_t attempt = 0;; ++attempt) {
    RandomCase result = Generator(seed, index, attempt, options).generate();
    if (attempt + 1 == kAttempts || isMixed(result)) return result;
  }
}

void FeatureCounts::add(const RandomCase &c) {
  ++cases;
  for (size_t i = 0; i < kFeatures; ++i) counts[i] += c.features[i];
}

std::string FeatureCounts::report() const {
  std::string text = fmt::format("{} cases\n", cases);
  for (size_t i = 0; i < kFeatures; ++i)
    text += fmt::format("  {:<26} {:>5}\n", name(static_cast<Feature>(i)), counts[i]);
  return text;
}

} // namespace maskloom::testing
