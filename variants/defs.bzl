"""Variants (what the OS is) and images (how it is packed)."""

load("//variants/private:image.bzl", _ImageInfo = "ImageInfo", _image = "image")
load("//variants/private:variant.bzl", _VariantInfo = "VariantInfo", _variant = "variant")

ImageInfo = _ImageInfo
VariantInfo = _VariantInfo
image = _image
variant = _variant
