package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// assets serves what web/build.mjs put into static/dist. Names carry a hash
// of the content (manifest.json maps plain names to them), so a browser may
// keep each file for ever.
type assets struct {
	names map[string]string // "public.css" → "public-3F2A.css"
	files map[string]asset
}

type asset struct {
	kind         string
	plain, gzipd []byte // gzipd is nil where it would not be smaller
}

// loadAssets reads the built files into memory. Without them the pages still
// work, bare: so a fresh tree builds and its tests run.
func loadAssets(files fs.FS) (*assets, error) {
	a := &assets{names: map[string]string{}, files: map[string]asset{}}
	dist, err := fs.Sub(files, "static/dist")
	if err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	manifest, err := fs.ReadFile(dist, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	if err := json.Unmarshal(manifest, &a.names); err != nil {
		return nil, fmt.Errorf("web: manifest.json: %w", err)
	}
	err = fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") || name == "manifest.json" {
			return err
		}
		data, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		a.files[name], err = newAsset(name, data)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	return a, nil
}

func newAsset(name string, data []byte) (asset, error) {
	f := asset{kind: mime.TypeByExtension(path.Ext(name)), plain: data}
	switch path.Ext(name) {
	case ".woff2": // the mime package asks the system, which may not know it
		f.kind = "font/woff2"
		return f, nil
	case ".png", ".jpg", ".webp", ".woff":
		return f, nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return f, err
	}
	if _, err := z.Write(data); err != nil {
		return f, err
	}
	if err := z.Close(); err != nil {
		return f, err
	}
	if b.Len() < len(data) {
		f.gzipd = b.Bytes()
	}
	return f, nil
}

// has says whether an asset was built.
func (a *assets) has(name string) bool { _, ok := a.names[name]; return ok }

// url is the address of an asset by its plain name.
func (a *assets) url(name string) string {
	if hashed, ok := a.names[name]; ok {
		return "/static/" + strings.TrimPrefix(hashed, "/static/")
	}
	return "/static/" + name
}

// ServeHTTP answers /static/….
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	f, ok := a.files[name]
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", f.kind)
	body := f.plain
	if f.gzipd != nil {
		h.Add("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = f.gzipd
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// favicon leads to the icon among the assets, wherever browsers ask for it.
func (s *Server) favicon(w http.ResponseWriter, r *http.Request) {
	if !s.assets.has("favicon.svg") {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(w, r, s.assets.url("favicon.svg"), http.StatusFound)
}
