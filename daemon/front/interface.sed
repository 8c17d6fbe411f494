# SPDX-License-Identifier: GPL-2.0-only
# Lines as a C string.
s/[\\"]/\\&/g
s/.*/"&\\n"/
