# SPDX-License-Identifier: GPL-2.0-only
#
# Pairs "file includes" for tsort. image-ops.h is what image.c and the formats
# behind it share: one module with image.
{
	sub(/^image-ops$/, "image", $1)
	sub(/^image-ops$/, "image", $2)
	if ($1 != $2)
		print $1, $2
}
