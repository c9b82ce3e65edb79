package main

import (
	"net/http"
	"strings"
)

func (c *console) showReport(w http.ResponseWriter, v *visit) error {
	found, err := c.named(v)
	if err != nil {
		return err
	}
	p := c.page(v, "", found)
	p.Name = found.Title()
	return c.pages.write(w, http.StatusOK, "report", p)
}

func (c *console) downloadReport(w http.ResponseWriter, v *visit) error {
	found, err := c.named(v)
	if err != nil {
		return err
	}
	name := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, found.WorkflowID)
	w.Header().Set("Content-Type", "text/markdown; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.md"`)
	_, err = w.Write([]byte(found.Markdown()))
	return err
}
