module attributes {tile.auxes = [], tile.groups = [#tile.group<all>], tile.hash = "6da2f8d5767dc8678bcca2b0292a1d31", tile.params = [], tile.pattern = "causal"} {
  tile.schedule @forward_0 forward 128 x 64 closed_form {
    tile.run touched upper [#tile.bound<(128 * outer + query_offset - key_offset + 127) / 64>] exact
    tile.run not_full lower [#tile.bound<(128 * outer + query_offset - key_offset - 62) / 64>] exact
  }
  tile.schedule @transposed_0 transposed 128 x 64 closed_form {
    tile.run touched lower [#tile.bound<(64 * outer - query_offset + key_offset - 127) / 128>] exact
    tile.run not_full upper [#tile.bound<(64 * outer - query_offset + key_offset + 62) / 128>] exact
  }
  func.func @visible_0(%q: i32, %k: i32) -> i1 {
    %0 = arith.cmpi sge, %q, %k : i32
    return %0 : i1
  }
}

