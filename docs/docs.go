// Package docs holds what the program itself shows of the documentation.
package docs

import _ "embed"

// Columns is columns.md: every column of the CSV files and every key of the forms for
// programs, with its unit, the original's formula, ours, and why they differ.
//
//go:embed columns.md
var Columns string
