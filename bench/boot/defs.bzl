"""boot_bench: the image against a minimal systemd image of Debian."""

load("//variants:defs.bzl", "VariantInfo")
load("//vmtests/private:vm.bzl", "VM_ATTRS", "launch")

# mmdebstrap needs the network and is the host's; its result is kept. Bazel may
# run in a root of its own that has none: then the user makes it.
_BEFORE = """\
baseline="${{XDG_CACHE_HOME:-$HOME/.cache}}/slipway/baseline.tar"
[ -e "$baseline" ] || "$here/{program}" root --output "$baseline" ||
  {{ echo "boot: make it outside: bazel-bin/bench/boot/boot_/boot root --output $baseline" >&2; exit 1; }}
"""

def _boot_bench_impl(ctx):
    variant = ctx.attr.variant[VariantInfo]
    program = ctx.executable._program
    files = {
        "imagetool": ctx.executable._imagetool,
        "kernel": variant.kernel.image,
        "stub": variant.boot.extracted["linuxx64.efi.stub"],
        "bootloader": variant.boot.extracted["systemd-bootx64.efi"],
        "layout": ctx.file.layout,
    }
    args = ["measure", "--baseline-root", "/work/baseline.tar"]
    for name in files:
        args += ["--" + name, "/work/data/" + name]
    return launch(
        ctx,
        program,
        args,
        [],
        files = files,
        before = _BEFORE.format(program = program.short_path),
        more_binds = "  --bind \"$baseline:/work/baseline.tar\" \\\n",
    )

boot_bench = rule(
    implementation = _boot_bench_impl,
    doc = "Boots an image and a minimal Debian in turn, and compares time and memory.",
    executable = True,
    attrs = dict(VM_ATTRS, **{
        "layout": attr.label(mandatory = True, allow_single_file = [".toml"], doc = "Layout of the baseline's disk."),
        "variant": attr.label(mandatory = True, providers = [VariantInfo], doc = "Variant whose kernel and boot loader both use."),
        "_imagetool": attr.label(default = "//imagetool/cmd/imagetool", cfg = "target", executable = True),
        "_program": attr.label(default = "//bench/boot", cfg = "target", executable = True),
    }),
)
