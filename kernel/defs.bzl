"""The kernel rule."""

load("//kernel/private:kernel.bzl", _KernelInfo = "KernelInfo", _kernel = "kernel")

KernelInfo = _KernelInfo
kernel = _kernel
