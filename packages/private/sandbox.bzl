"""How actions run in the SDK."""

load(":providers.bzl", "SdkInfo")

# 2026-11-20T00:00:00Z, the time stamp of every file in a layer or an image. It
# moves with each release.
SOURCE_DATE_EPOCH = 1795132800

SANDBOX_ATTRS = {
    "_pkgbuild": attr.label(
        default = "//packages/cmd/pkgbuild",
        cfg = "exec",
        executable = True,
    ),
    "_sdk": attr.label(
        default = "//packages/sdk",
        cfg = "exec",
        providers = [SdkInfo],
    ),
}

# pkgbuild makes a stricter sandbox of its own and keeps the unpacked SDK in the
# user's cache folder, which Bazel's sandbox would hide.
EXECUTION_REQUIREMENTS = {"no-sandbox": "1"}

def run_pkgbuild(ctx, command, outputs, inputs, arguments, mnemonic, progress_message):
    """Runs a pkgbuild command that uses the SDK as an action.

    Args:
      ctx: the rule's context; its attributes include SANDBOX_ATTRS.
      command: the pkgbuild command, "build" or "run".
      outputs: list of File.
      inputs: depset or list of File, without the SDK.
      arguments: list of Args or strings, after the SDK's flags.
      mnemonic: of the action; .bazelrc gives its strategy.
      progress_message: what Bazel shows.
    """
    sdk = ctx.attr._sdk[SdkInfo]
    flags = ctx.actions.args()
    flags.add(command)
    flags.add("--sdk", sdk.archive)
    flags.add("--sdk-id", sdk.id)
    direct = [sdk.archive, sdk.id]
    if type(inputs) == "depset":
        inputs = depset(direct, transitive = [inputs])
    else:
        inputs = direct + inputs
    ctx.actions.run(
        executable = ctx.executable._pkgbuild,
        arguments = [flags] + arguments,
        inputs = inputs,
        outputs = outputs,
        mnemonic = mnemonic,
        progress_message = progress_message,
        execution_requirements = EXECUTION_REQUIREMENTS,
    )
