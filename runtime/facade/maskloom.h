// Maskloom: declare an attention mask, compile it, run it.
#pragma once

#include "maskloom/dsl/Parser.h"
#include "maskloom/dsl/Pattern.h"
#include "maskloom/dsl/Patterns.h"
#include "maskloom/facade/Attention.h"
#include "maskloom/facade/Error.h"
