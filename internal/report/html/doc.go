// Package html makes the pages of a run: one file each that opens from disk with the
// network off, readable without its script.
//
// A page is prose, one table of numbers, and charts. The table is the charts' only data:
// a Chart is an echarts option without data, built with go-echarts, and a Bind that says
// which columns of the table fill it. The page's script (assets/report.js, beside echarts)
// reads the table, fills the charts, and does what a person does with them: choose a level,
// zoom, sort, filter, save. The same script, run without a browser, draws the SVG files.
//
// Nothing is computed here that result has not computed, and nothing is loaded from
// anywhere. Text of users and servers goes through html/template or Text, so that it can
// never become markup or script; a Content-Security-Policy holds what was overlooked.
package html
