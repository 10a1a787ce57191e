// C++ declarations of the `tile` dialect; TileDialect.td is its documentation.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "maskloom-ir/TileDialect.h.inc"
#include "maskloom-ir/TileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "maskloom-ir/TileAttributes.h.inc"
#define GET_OP_CLASSES
#include "maskloom-ir/TileOps.h.inc"

namespace maskloom::tile {

// Attributes of the lowered module.
inline constexpr llvm::StringLiteral kPatternAttr = "tile.pattern";
inline constexpr llvm::StringLiteral kHashAttr = "tile.hash";
inline constexpr llvm::StringLiteral kGroupsAttr = "tile.groups";
inline constexpr llvm::StringLiteral kGroupsByKvHeadAttr = "tile.groups_by_kv_head";
inline constexpr llvm::StringLiteral kParamsAttr = "tile.params";
inline constexpr llvm::StringLiteral kAuxesAttr = "tile.auxes";

} // namespace maskloom::tile
