#include "maskloom/program/Proof.h"

namespace maskloom {

const char *toString(ProofStatus status) {
  switch (status) {
  case ProofStatus::Proved: return "proved";
  case ProofStatus::Refuted: return "refuted";
  case ProofStatus::Undecided: break;
  }
  return "undecided";
}

} // namespace maskloom
