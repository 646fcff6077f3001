# SPDX-License-Identifier: BSD-2-Clause
"""Settings of the book: `make docs` builds it into build/docs. Needs nothing from the network."""
# pylint: disable=invalid-name,redefined-builtin
project = "Fairlead"
author = "the Fairlead developers"
copyright = "the Fairlead developers, BSD-2-Clause"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = []

# Headings can be linked to as page.md#heading; every broken link is an error (sphinx-build -W).
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = "Fairlead"
html_show_sourcelink = False
html_copy_source = False
