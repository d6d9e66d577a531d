"""tuf_publish and tuf_repository: images on their way to hosts."""

load("//tuf-repo/private:publish.bzl", _tuf_publish = "tuf_publish")
load("//tuf-repo/private:repository.bzl", _tuf_repository = "tuf_repository")

tuf_publish = _tuf_publish
tuf_repository = _tuf_repository
