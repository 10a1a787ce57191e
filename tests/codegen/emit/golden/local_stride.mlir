module attributes {tile.auxes = [], tile.groups = [#tile.group<all>], tile.hash = "9263a9652eade674dbf762e2159de9dd", tile.params = [#tile.param<"block", 1, 65536>, #tile.param<"local", 0, 2147483647>, #tile.param<"step", 0, 65536>, #tile.param<"offset", 0, 65536>, #tile.param<"stride", 1, 65536>], tile.pattern = "s2_local_stride"} {
  tile.schedule @forward_0 forward 128 x 64 closed_form {
    tile.floor <(key_offset + 63) / 64>
    tile.floor <(128 * outer + 64 * head + query_offset + 64 * param[3] + 127) / 1024>
    tile.floor <(-key_offset + 63) / 64>
    tile.floor <(128 * outer + 64 * head + query_offset - 64 * param[1] + 64 * param[3] + 63) / 1024>
    tile.floor <(query_offset + 63) / 64>
    tile.run touched lower [#tile.bound<(128 * outer + query_offset - 64 * param[1] - 64 * floor[0] + 1) / 64>] upper [#tile.bound<(128 * outer + query_offset - key_offset + 127) / 64>] guards [#tile.condition<param[1] - 1 ge 0>] exact
    tile.run touched upper [#tile.bound<(-64 * head - key_offset - 64 * param[3] + 1024 * floor[1] + 63) / 64>, #tile.bound<(128 * outer + query_offset - key_offset + 127) / 64>] congruences [#tile.congruence<1 * inner, head + param[3] + floor[0], mod 16, width floor[0] + floor[2]>] exact
    tile.run not_full lower [#tile.bound<(128 * outer + query_offset - key_offset - 62) / 64>] exact
    tile.run not_full upper [#tile.bound<(-64 * head - key_offset - 64 * param[3] + 1024 * floor[3] + 1023) / 64>, #tile.bound<(128 * outer - key_offset - 64 * param[1] + 64 * floor[4] + 127) / 64>] congruences [#tile.congruence<1 * inner, head + param[3] + floor[0] + 15, mod 16, width floor[0] + floor[2] + 14>] exact
  }
  tile.schedule @transposed_0 transposed 128 x 64 closed_form {
    tile.floor <(key_offset + 63) / 64>
    tile.floor <(-64 * outer - 64 * head - key_offset - 64 * param[3] + 63) / 1024>
    tile.floor <(64 * outer + 64 * head + key_offset + 64 * param[3] + 63) / 1024>
    tile.floor <(-64 * outer - 64 * head - key_offset - 64 * param[3] + 1023) / 1024>
    tile.floor <(64 * outer + 64 * head + key_offset + 64 * param[3] + 1023) / 1024>
    tile.floor <(query_offset + 63) / 64>
    tile.run touched lower [#tile.bound<(64 * outer - query_offset + key_offset - 127) / 128>] upper [#tile.bound<(64 * outer - query_offset + 64 * param[1] + 64 * floor[0] - 1) / 128>] guards [#tile.condition<param[1] - 1 ge 0>] exact
    tile.run touched lower [#tile.bound<(-64 * head - query_offset - 64 * param[3] - 1024 * floor[1] - 127) / 128>, #tile.bound<(64 * outer - query_offset + key_offset - 127) / 128>] guards [#tile.condition<-64 * outer - 64 * head - key_offset - 64 * param[3] + 1024 * floor[2] + 63 ge 0>] exact
    tile.run not_full upper [#tile.bound<(64 * outer - query_offset + key_offset + 62) / 128>] exact
    tile.run not_full lower [#tile.bound<(-64 * head - query_offset + 64 * param[1] - 64 * param[3] - 1024 * floor[3] - 63) / 128>, #tile.bound<(64 * outer + key_offset + 64 * param[1] - 64 * floor[5] - 127) / 128>] guards [#tile.condition<-64 * outer - 64 * head - key_offset - 64 * param[3] + 1024 * floor[4] - 1 ge 0>] exact
  }
  func.func @visible_0(%q: i32, %k: i32) -> i1 {
    %c0_i32 = arith.constant 0 : i32
    %0 = arith.cmpi sge, %q, %k : i32
    %q_block = tile.floor_div %q, 64 : i32
    %k_block = tile.floor_div %k, 64 : i32
    %block_distance = arith.subi %q_block, %k_block : i32
    %local = tile.param 1 : i32
    %1 = arith.cmpi slt, %block_distance, %local : i32
    %head = tile.symbol "head" : i32
    %offset = tile.param 3 : i32
    %2 = arith.addi %head, %offset : i32
    %3 = arith.addi %k_block, %2 : i32
    %phase = tile.floor_mod %3, 16 : i32
    %4 = arith.cmpi eq, %phase, %c0_i32 : i32
    %5 = arith.ori %1, %4 : i1
    %6 = arith.andi %0, %5 : i1
    return %6 : i1
  }
}

