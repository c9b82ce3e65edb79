package main

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/dpaflow/dpaflow/internal/report"
)

//go:embed pages
var files embed.FS

const (
	english = "en"
	chinese = "zh"
)

var languages = language.NewMatcher([]language.Tag{language.English, language.Chinese})

// languageOf is the language that a browser prefers.
func languageOf(r *http.Request) string {
	tags, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // what cannot be read is English
	if _, index, _ := languages.Match(tags...); index == 1 {
		return chinese
	}
	return english
}

// pages are the templates in every language.
type pages struct {
	templates map[string]map[string]*template.Template // by language and name
	words     map[string]string                        // English to Chinese
}

func newPages() (*pages, error) {
	p := &pages{templates: map[string]map[string]*template.Template{}}
	data, err := files.ReadFile("pages/chinese.json")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &p.words); err != nil {
		return nil, fmt.Errorf("read the Chinese words: %w", err)
	}
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	for _, tag := range []string{english, chinese} {
		p.templates[tag] = map[string]*template.Template{}
		for _, name := range names {
			t, err := template.New("layout.html").Funcs(p.functions(tag)).ParseFS(files, "pages/layout.html", name)
			if err != nil {
				return nil, err
			}
			p.templates[tag][strings.TrimSuffix(path.Base(name), ".html")] = t
		}
	}
	return p, nil
}

// word is a sentence or a word in a language; what is not known stays English.
func (p *pages) word(tag, said string) string {
	if other, ok := p.words[said]; ok && tag == chinese {
		return other
	}
	return said
}

func (p *pages) functions(tag string) template.FuncMap {
	return template.FuncMap{
		"t": func(said any) string { return p.word(tag, fmt.Sprint(said)) },
		"tf": func(said string, values ...any) string {
			return fmt.Sprintf(p.word(tag, said), values...)
		},
		"at":     func(t *time.Time) string { return report.At(t) },
		"moment": func(t time.Time) string { return report.At(&t) },
		"took":   func(start, end *time.Time) string { return report.Took(start, end, time.Now()) },
		"ago": func(t *time.Time) string {
			if t == nil {
				return ""
			}
			return report.Span(time.Since(*t))
		},
		"value": report.Written,
		"link":  link,
		"join":  strings.Join,
	}
}

// write writes a page whole, or not at all.
func (p *pages) write(w http.ResponseWriter, status int, name string, data page) error {
	var out bytes.Buffer
	if err := p.templates[data.Language][name].Execute(&out, data); err != nil {
		http.Error(w, "the page cannot be written; look into the console's log", http.StatusInternalServerError)
		return fmt.Errorf("write page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", data.Language)
	w.Header().Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // who reads it may have gone
	return nil
}

// static serves the style and the script.
func static() http.Handler {
	folder, err := fs.Sub(files, "pages/static")
	if err != nil {
		panic(err) // it is embedded
	}
	serve := http.FileServerFS(folder)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") || r.URL.Path == "" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		serve.ServeHTTP(w, r)
	})
}

// watched remembers the status of an answer.
type watched struct {
	http.ResponseWriter
	status int
}

func (w *watched) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// compressed packs pages for browsers that take it; no page holds a secret that could be guessed by its size. Live parts
// are not packed: they have to arrive at once.
func compressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") || strings.HasSuffix(r.URL.Path, "/live") {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Add("Vary", "Accept-Encoding")
		packed := &packing{ResponseWriter: w}
		defer packed.close()
		next.ServeHTTP(packed, r)
	})
}

type packing struct {
	http.ResponseWriter
	out io.WriteCloser // nil: nothing has been written
}

func (p *packing) WriteHeader(status int) {
	if status != http.StatusNoContent && status != http.StatusNotModified && p.out == nil {
		p.Header().Set("Content-Encoding", "gzip")
		p.Header().Del("Content-Length")
		p.out = gzip.NewWriter(p.ResponseWriter)
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *packing) Write(data []byte) (int, error) {
	if p.out == nil {
		p.WriteHeader(http.StatusOK)
	}
	return p.out.Write(data)
}

func (p *packing) close() {
	if p.out != nil {
		_ = p.out.Close() // who reads it may have gone
	}
}
