// A stub in Qdrant's place: it keeps the names and parameters of collections, and no vector at all.
// It answers GET /, /healthz, /readyz, /livez, /collections, and GET, PUT, DELETE /collections/{name}; anything else is 501.
// Like the real one it keeps its files in /qdrant/storage and wants to write a snapshots folder and an init file.
package main

import (
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const software = "stub: this is not Qdrant, only its collections' names"

type vectors struct {
	Size     int    `json:"size"`
	Distance string `json:"distance"`
}

type store struct {
	sync.Mutex
	file  string
	known map[string]vectors
}

func (s *store) save() error {
	text, err := json.Marshal(s.known)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(s.file+".new", s.file)
}

func answer(w http.ResponseWriter, code int, result any, status any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	body := map[string]any{"time": 0.0, "status": status}
	if result != nil {
		body["result"] = result
	}
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}

func fail(w http.ResponseWriter, code int, what string) {
	answer(w, code, nil, map[string]string{"error": what})
}

func (s *store) collection(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	name := r.PathValue("name")
	have, found := s.known[name]
	switch r.Method {
	case http.MethodGet:
		if !found {
			fail(w, http.StatusNotFound, "Not found: Collection `"+name+"` doesn't exist!")
			return
		}
		answer(w, http.StatusOK, map[string]any{"status": "green", "points_count": 0,
			"config": map[string]any{"params": map[string]any{"vectors": have}}}, "ok")
	case http.MethodPut:
		var wanted struct{ Vectors vectors }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 65536)).Decode(&wanted); err != nil || wanted.Vectors.Size < 1 {
			fail(w, http.StatusBadRequest, "Format error in JSON body")
			return
		}
		if found {
			fail(w, http.StatusConflict, "Wrong input: Collection `"+name+"` already exists!")
			return
		}
		s.known[name] = wanted.Vectors
		if err := s.save(); err != nil {
			delete(s.known, name)
			fail(w, http.StatusInternalServerError, err.Error())
			return
		}
		answer(w, http.StatusOK, true, "ok")
	case http.MethodDelete:
		delete(s.known, name)
		if err := s.save(); err != nil {
			fail(w, http.StatusInternalServerError, err.Error())
			return
		}
		answer(w, http.StatusOK, found, "ok")
	default:
		fail(w, http.StatusMethodNotAllowed, software)
	}
}

func (s *store) collections(w http.ResponseWriter, _ *http.Request) {
	s.Lock()
	defer s.Unlock()
	names := []map[string]string{}
	for name := range s.known {
		names = append(names, map[string]string{"name": name})
	}
	answer(w, http.StatusOK, map[string]any{"collections": names}, "ok")
}

func env(name, usual string) string {
	if given := os.Getenv(name); given != "" {
		return given
	}
	return usual
}

func opened() (*store, error) {
	if err := os.MkdirAll(env("QDRANT__STORAGE__SNAPSHOTS_PATH", "./snapshots"), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(env("QDRANT_INIT_FILE_PATH", ".qdrant-initialized"), nil, 0o600); err != nil {
		return nil, err
	}
	s := &store{file: filepath.Join(env("QDRANT__STORAGE__STORAGE_PATH", "/qdrant/storage"), "stub-collections.json"), known: map[string]vectors{}}
	text, err := os.ReadFile(s.file)
	if errors.Is(err, os.ErrNotExist) {
		return s, s.save()
	}
	if err != nil {
		return nil, err
	}
	return s, json.Unmarshal(text, &s.known)
}

func main() {
	s, err := opened()
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{"/healthz", "/readyz", "/livez"} {
		http.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(software + "\n")) })
	}
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"title": software, "version": "0.0.0"}, "ok")
	})
	http.HandleFunc("GET /collections", s.collections)
	http.HandleFunc("/collections/{name}", s.collection)
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotImplemented, software) })
	server := &http.Server{Addr: ":6333", ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
