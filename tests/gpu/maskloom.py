"""The C API from Python by ctypes: raw device pointers, no build step. Used by the GPU tests and the benchmark program.

MASKLOOM_LIB names libmaskloom.so; default: dist/ or build/dev/ of the checkout."""
import ctypes as c
import json
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _library():
    names = [os.environ.get("MASKLOOM_LIB", "")] + [str(ROOT / d / "libmaskloom.so") for d in ("dist", "dist/lib", "build/dev")]
    for name in names:
        if name and os.path.exists(name):
            return c.CDLL(name)
    raise SystemExit("libmaskloom.so not found: set MASKLOOM_LIB")


lib = _library()
F16, BF16, F32 = 0, 1, 2
AUTO, GPU, CPU = 0, 1, 2


class Value(c.Structure):
    _fields_ = [("name", c.c_char_p), ("value", c.c_int64)]


class CompileOptions(c.Structure):
    _fields_ = [("heads", c.c_int64), ("kv_heads", c.c_int64), ("head_dim", c.c_int64), ("value_dim", c.c_int64), ("dtype", c.c_int),
                ("device", c.c_int), ("arch", c.c_char_p), ("constants", c.POINTER(Value)), ("constant_count", c.c_size_t), ("config", c.c_char_p)]


class Tensor(c.Structure):
    _fields_ = [("data", c.c_void_p), ("shape", c.c_int64 * 4), ("strides", c.c_int64 * 4), ("dtype", c.c_int)]


class Aux(c.Structure):
    _fields_ = [("name", c.c_char_p), ("data", c.c_void_p), ("rank", c.c_int32), ("extents", c.c_int64 * 3), ("strides", c.c_int64 * 3)]


class ForwardOptions(c.Structure):
    _fields_ = [("lse", c.c_void_p), ("scale", c.c_float), ("params", c.POINTER(Value)), ("param_count", c.c_size_t),
                ("aux", c.POINTER(Aux)), ("aux_count", c.c_size_t), ("query_lengths", c.c_void_p), ("key_lengths", c.c_void_p),
                ("has_query_offset", c.c_int32), ("query_offset", c.c_int64), ("key_offset", c.c_int64), ("stream", c.c_void_p),
                ("aux_changed", c.c_int32)]


lib.maskloom_last_error.restype = c.c_char_p
lib.maskloom_source.restype = c.c_char_p
lib.maskloom_source.argtypes = [c.c_void_p]
lib.maskloom_config.restype = c.c_char_p
lib.maskloom_config.argtypes = [c.c_void_p]
lib.maskloom_workspace_bytes.restype = c.c_size_t
lib.maskloom_workspace_bytes.argtypes = [c.c_void_p] + [c.POINTER(Tensor)] * 2
lib.maskloom_pattern_parse.argtypes = [c.c_char_p, c.c_char_p, c.POINTER(c.c_void_p)]
lib.maskloom_pattern_load.argtypes = [c.c_char_p, c.c_char_p, c.POINTER(c.c_void_p)]
lib.maskloom_compile.argtypes = [c.c_void_p, c.POINTER(CompileOptions), c.POINTER(c.c_void_p)]
for _f in (lib.maskloom_forward, lib.maskloom_prepare):
    _f.argtypes = [c.c_void_p] + [c.POINTER(Tensor)] * 4 + [c.POINTER(ForwardOptions)]
lib.maskloom_attention_destroy.argtypes = [c.c_void_p]
lib.maskloom_pattern_destroy.argtypes = [c.c_void_p]


class Error(RuntimeError):
    pass


def _check(status):
    if status:
        raise Error(lib.maskloom_last_error().decode())


def _values(values):
    values = values or {}
    return (Value * max(1, len(values)))(*[Value(n.encode(), int(v)) for n, v in values.items()]), len(values)


def _dtype(tensor):
    import torch
    return {torch.float16: F16, torch.bfloat16: BF16, torch.float32: F32}[tensor.dtype]


def _tensor(t):
    return Tensor(t.data_ptr(), (c.c_int64 * 4)(*t.shape), (c.c_int64 * 4)(*t.stride()), _dtype(t))


class Attention:
    """A pattern (text, or the path of a file) compiled for head counts, head dims and a dtype. `config`: fields of the default
    configuration to change, by their names in config()."""

    def __init__(self, pattern, heads, kv_heads, head_dim, value_dim=0, dtype=BF16, constants=None, name=None, device=AUTO, config=None):
        handle = c.c_void_p()
        name = name.encode() if name else None
        if "{" in pattern:
            _check(lib.maskloom_pattern_parse(pattern.encode(), name, c.byref(handle)))
        else:
            _check(lib.maskloom_pattern_load(pattern.encode(), name, c.byref(handle)))
        values, count = _values(constants)
        options = CompileOptions(heads, kv_heads, head_dim, value_dim, dtype, device, None, values, count,
                                 json.dumps(config).encode() if config else None)
        self.handle = c.c_void_p()
        try:
            _check(lib.maskloom_compile(handle, c.byref(options), c.byref(self.handle)))
        finally:
            lib.maskloom_pattern_destroy(handle)

    def __del__(self):
        if getattr(self, "handle", None):
            lib.maskloom_attention_destroy(self.handle)

    def bind(self, q, k, v, o, lse=None, scale=0.0, params=None, aux=None, query_lengths=None, key_lengths=None, query_offset=None,
             key_offset=0, stream=None, aux_changed=False):
        """The call as a function without arguments, so that repeated calls cost no Python marshalling."""
        import torch
        values, count = _values(params)
        tensors = aux or {}
        auxes = (Aux * max(1, len(tensors)))()
        for i, (n, t) in enumerate(tensors.items()):
            pad = [1] * (3 - t.dim())
            auxes[i] = Aux(n.encode(), t.data_ptr(), t.dim(), (c.c_int64 * 3)(*t.shape, *pad), (c.c_int64 * 3)(*t.stride(), *pad))
        pointer = lambda t: t.data_ptr() if t is not None else None
        stream = stream if stream is not None else torch.cuda.current_stream().cuda_stream
        options = ForwardOptions(pointer(lse), scale, values, count, auxes, len(tensors), pointer(query_lengths), pointer(key_lengths),
                                 query_offset is not None, query_offset or 0, key_offset, stream, aux_changed)
        args = [_tensor(t) for t in (q, k, v, o)]
        references = [c.byref(a) for a in args]
        keep = (args, values, auxes, options, tensors, q, k, v, o, lse, query_lengths, key_lengths)

        def call(_keep=keep):
            if lib.maskloom_forward(self.handle, *references, c.byref(options)):
                raise Error(lib.maskloom_last_error().decode())
        return call

    def forward(self, *args, **kwargs):
        self.bind(*args, **kwargs)()

    def workspace_bytes(self, q, k):
        return lib.maskloom_workspace_bytes(self.handle, c.byref(_tensor(q)), c.byref(_tensor(k)))

    def config(self):
        return json.loads(lib.maskloom_config(self.handle) or "{}")

    def source(self):
        return lib.maskloom_source(self.handle).decode()
