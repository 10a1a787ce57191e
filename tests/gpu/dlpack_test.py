"""DLPack on a GPU: torch's tensors in, ours out to torch, through the C API (c_dlpack.h).

Usage: MASKLOOM_LIB=... python3 tests/gpu/dlpack_test.py"""
import ctypes as c
import unittest

import torch

import maskloom
import reference

lib, api = maskloom.lib, c.pythonapi
api.PyCapsule_GetPointer.restype = c.c_void_p
api.PyCapsule_GetPointer.argtypes = [c.py_object, c.c_char_p]
api.PyCapsule_New.restype = c.py_object
api.PyCapsule_New.argtypes = [c.c_void_p, c.c_char_p, c.c_void_p]

HEADS, KV_HEADS, TOKENS, DIM = 4, 2, 300, 64
PATTERN = "pattern documents { aux doc[b, q]: i32; causal; mask doc[b, q] == doc[b, k]; }"


class Device(c.Structure):
    _fields_ = [("type", c.c_int32), ("id", c.c_int32)]


Release = c.CFUNCTYPE(None, c.c_void_p)
lib.maskloom_dlpack_device.argtypes = [c.c_void_p, c.POINTER(Device)]
lib.maskloom_tensor_from_dlpack.argtypes = [c.c_void_p, Device, c.c_char_p, c.POINTER(maskloom.Tensor)]
lib.maskloom_aux_from_dlpack.argtypes = [c.c_void_p, c.c_void_p, c.c_char_p, c.POINTER(maskloom.Aux)]
lib.maskloom_lse_from_dlpack.argtypes = [c.c_void_p, Device, c.POINTER(c.c_int64), c.c_char_p, c.POINTER(c.c_void_p)]
lib.maskloom_tensor_to_dlpack.argtypes = [c.POINTER(maskloom.Tensor), Device, Release, c.c_void_p, c.POINTER(c.c_void_p)]
lib.maskloom_dlpack_to_unversioned.argtypes = [c.c_void_p, c.POINTER(c.c_void_p)]


def check(status):
    if status:
        raise maskloom.Error(lib.maskloom_last_error().decode())


def pointer(capsule):
    """The DLTensor in a capsule: the first member of what it holds."""
    return api.PyCapsule_GetPointer(capsule, b"dltensor")


class DlpackTest(unittest.TestCase):
    def setUp(self):
        torch.zeros(1, device="cuda")  # a current context
        self.attention = maskloom.Attention(PATTERN, HEADS, KV_HEADS, DIM)
        self.device = Device()
        check(lib.maskloom_dlpack_device(self.attention.handle, c.byref(self.device)))

    def view(self, tensor, name=b"q"):
        capsule, view = tensor.__dlpack__(), maskloom.Tensor()
        check(lib.maskloom_tensor_from_dlpack(pointer(capsule), self.device, name, c.byref(view)))
        return view, capsule

    def test_forward_on_views(self):
        make = lambda heads: torch.randn(2, TOKENS, heads, DIM, device="cuda", dtype=torch.bfloat16).transpose(1, 2)
        q, k, v, o = make(HEADS), make(KV_HEADS), make(KV_HEADS), make(HEADS)
        doc = (torch.arange(TOKENS, device="cuda") // 70).to(torch.int32).repeat(2, 1)
        lse = torch.empty(2, HEADS, TOKENS, device="cuda")
        kept = [self.view(t, n) for t, n in ((q, b"q"), (k, b"k"), (v, b"v"), (o, b"o"))]
        aux, aux_capsule = maskloom.Aux(), doc.__dlpack__()
        check(lib.maskloom_aux_from_dlpack(pointer(aux_capsule), self.attention.handle, b"doc", c.byref(aux)))
        place, lse_capsule = c.c_void_p(), lse.__dlpack__()
        check(lib.maskloom_lse_from_dlpack(pointer(lse_capsule), self.device, (c.c_int64 * 3)(*lse.shape), b"lse", c.byref(place)))
        options = maskloom.ForwardOptions(lse=place, aux=c.pointer(aux), aux_count=1, stream=torch.cuda.current_stream().cuda_stream)
        check(lib.maskloom_forward(self.attention.handle, *[c.byref(view) for view, _ in kept], c.byref(options)))
        index = torch.arange(TOKENS, device="cuda")
        for b in range(2):
            mask = (index[None] <= index[:, None]) & (doc[b][None] == doc[b][:, None])
            for h in range(HEADS):
                exact, exact_lse = reference.dense(q[b, h], k[b, h // 2], v[b, h // 2], mask)
                self.assertLess((o[b, h].double() - exact).abs().max().item(), 0.03)
                self.assertLess((lse[b, h].double() - exact_lse).abs().max().item(), 1e-4)

    def test_what_does_not_fit_is_said(self):
        with self.assertRaisesRegex(maskloom.Error, "q"):
            self.view(torch.zeros(1, HEADS, 8, DIM, dtype=torch.bfloat16))  # on the CPU
        with self.assertRaisesRegex(maskloom.Error, "q"):
            self.view(torch.zeros(HEADS, 8, DIM, dtype=torch.bfloat16, device="cuda"))

    def test_ours_goes_to_torch(self):
        memory = torch.randn(1, 8, HEADS, DIM, device="cuda", dtype=torch.bfloat16).transpose(1, 2)
        view, _capsule = self.view(memory)
        released = []
        release = Release(released.append)
        managed, unversioned = c.c_void_p(), c.c_void_p()
        check(lib.maskloom_tensor_to_dlpack(c.byref(view), self.device, release, 7, c.byref(managed)))
        check(lib.maskloom_dlpack_to_unversioned(managed, c.byref(unversioned)))
        seen = torch.utils.dlpack.from_dlpack(api.PyCapsule_New(unversioned, b"dltensor", None))
        self.assertEqual((seen.data_ptr(), seen.shape, seen.stride(), seen.dtype, seen.device),
                         (memory.data_ptr(), memory.shape, memory.stride(), memory.dtype, memory.device))
        self.assertTrue(torch.equal(seen, memory))
        self.assertEqual(released, [])
        del seen
        self.assertEqual(released, [7])


if __name__ == "__main__":
    unittest.main()
