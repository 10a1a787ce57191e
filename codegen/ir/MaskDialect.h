// C++ declarations of the `mask` dialect; MaskDialect.td is its documentation.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "maskloom-ir/MaskDialect.h.inc"
#include "maskloom-ir/MaskEnums.h.inc"
#define GET_TYPEDEF_CLASSES
#include "maskloom-ir/MaskTypes.h.inc"
#define GET_ATTRDEF_CLASSES
#include "maskloom-ir/MaskAttributes.h.inc"
#define GET_OP_CLASSES
#include "maskloom-ir/MaskOps.h.inc"
