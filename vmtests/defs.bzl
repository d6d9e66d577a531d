"""vm_test and vm_run: booting an image in QEMU."""

load("//vmtests/private:vm.bzl", _vm_run = "vm_run", _vm_test = "vm_test")

vm_run = _vm_run
vm_test = _vm_test
