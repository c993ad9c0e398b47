module github.com/wsrun/wsrun

go 1.26.8
