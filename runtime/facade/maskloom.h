/// @file
/// Maskloom: declare an attention mask, ask what it costs and what is true of it, compile it, run it.
///
/// This is the whole C++ API but for the exchange of tensors with other libraries (maskloom/dlpack.h).
#pragma once

#include "maskloom/dsl/Check.h"
#include "maskloom/dsl/Interpreter.h"
#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Pattern.h"
#include "maskloom/dsl/Patterns.h"
#include "maskloom/dsl/Print.h"
#include "maskloom/facade/Attention.h"
#include "maskloom/facade/Error.h"
#include "maskloom/facade/Explain.h"
#include "maskloom/facade/Proofs.h"

/// The C++ API.
namespace maskloom {
/// The library's masks, to be combined with others.
namespace masks {}
/// The library's score modifications.
namespace scores {}
/// The library's masks and scores as whole patterns.
namespace patterns {}
} // namespace maskloom
