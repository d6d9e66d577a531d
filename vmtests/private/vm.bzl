"""Programs that run in the SDK's root with an image at hand."""

load("//packages/private:providers.bzl", "SdkInfo")
load("//packages/private:sandbox.bzl", "SANDBOX_ATTRS")
load("//variants:defs.bzl", "ImageInfo")

_LAUNCHER = """#!/bin/sh
# Runs {program} in the SDK's root (packages/cmd/pkgbuild).
set -eu
here=$PWD
outputs=${{TEST_UNDECLARED_OUTPUTS_DIR:-${{TMPDIR:-/tmp}}}}
scratch=$(mktemp -d "${{TEST_TMPDIR:-${{TMPDIR:-/tmp}}}}/vm.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
{before}set -- {fixed_args} "$@"
"$here/{pkgbuild}" run --sdk "$here/{sdk}" --sdk-id "$here/{sdk_id}" {flags} \\
  --device /dev/kvm --device /dev/net/tun --device /dev/vhost-vsock \\
  --bind "$here/{program}:/work/in/program" \\
{binds}  --bind-rw "$scratch:/work/tmp" \\
  --bind-rw "$outputs:/work/outputs" \\
  --env TMPDIR=/work/tmp --env TEST_TMPDIR=/work/tmp \\
  --env TEST_UNDECLARED_OUTPUTS_DIR=/work/outputs \\
  --env TEST_TARGET="${{TEST_TARGET:-}}" \\
  --env SLIPWAY_IMAGE=/work/image/disk.img --env SLIPWAY_ARTIFACTS=/work/image {late_flags} \\
  -- /work/in/program "$@"
"""

def launch(ctx, program, fixed_args, flags, late_flags = "", files = {}, before = "", more_binds = ""):
    """Makes a target that runs a program in the SDK's root, with an image at hand.

    Args:
      ctx: of a rule with the attributes VM_ATTRS
      program: File, what is run
      fixed_args: list of string, before the user's arguments
      flags: list of string, of pkgbuild run
      late_flags: string, further flags, as shell words
      files: dict of name to File, a folder perhaps, to be found as /work/data/NAME
      before: string, shell lines that run outside, first
      more_binds: string, flags of pkgbuild run, as shell words

    Returns:
      list of providers
    """
    image = ctx.attr.image[ImageInfo]
    sdk = ctx.attr._sdk[SdkInfo]
    binds = ""
    for file in [image.disk] + image.artifacts:
        binds += "  --bind \"$here/{}:/work/image/{}\" \\\n".format(file.short_path, file.basename)
    for name, file in files.items():
        binds += "  --bind \"$here/{}:/work/data/{}\" \\\n".format(file.short_path, name)
    launcher = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(launcher, _LAUNCHER.format(
        program = program.short_path,
        pkgbuild = ctx.executable._pkgbuild.short_path,
        sdk = sdk.archive.short_path,
        sdk_id = sdk.id.short_path,
        binds = binds + more_binds,
        flags = " ".join(flags),
        late_flags = late_flags,
        fixed_args = " ".join(fixed_args),
        before = before,
    ), is_executable = True)
    inputs = [program, ctx.executable._pkgbuild, sdk.archive, sdk.id, image.disk] + image.artifacts + files.values()
    return [DefaultInfo(executable = launcher, runfiles = ctx.runfiles(inputs))]

VM_ATTRS = dict(SANDBOX_ATTRS, **{
    "image": attr.label(mandatory = True, providers = [ImageInfo]),
})

def _data(ctx):
    files = {}
    for target, name in ctx.attr.data.items():
        all = target.files.to_list()
        if len(all) != 1 or name in files:
            fail("{}: {} as {}: want one file or folder for each name".format(ctx.label, target.label, name))
        files[name] = all[0]
    return files

def _vm_test_impl(ctx):
    return launch(ctx, ctx.executable.suite, ctx.attr.suite_args, [], files = _data(ctx)) + [
        testing.ExecutionInfo({"no-sandbox": "1", "no-remote-exec": "1"}),
    ]

vm_test = rule(
    implementation = _vm_test_impl,
    doc = "Runs a Ginkgo suite against a booted image.",
    test = True,
    attrs = dict(VM_ATTRS, **{
        "suite": attr.label(mandatory = True, executable = True, cfg = "target", doc = "go_test with the specs."),
        "suite_args": attr.string_list(doc = "Arguments of the suite."),
        "data": attr.label_keyed_string_dict(allow_files = True, doc = "File or folder to its name below /work/data."),
    }),
)

# The user names files of the host, and reaches the API's socket from outside.
_HOST = "--bind-rw /:/work/host --env SLIPWAY_HOST_ROOT=/work/host --env BUILD_WORKING_DIRECTORY=\"${BUILD_WORKING_DIRECTORY:-$PWD}\" --env TMPDIR=\"/work/host$scratch\""

def _vm_run_impl(ctx):
    return launch(ctx, ctx.executable._vmrun, [], ["--network"], _HOST)

vm_run = rule(
    implementation = _vm_run_impl,
    doc = "Boots an image in the terminal.",
    executable = True,
    attrs = dict(VM_ATTRS, **{
        "_vmrun": attr.label(default = "//vmtests/cmd/vmrun", executable = True, cfg = "target"),
    }),
)
