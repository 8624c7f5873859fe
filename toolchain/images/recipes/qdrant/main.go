// A stub in Qdrant's place: it keeps the names and parameters of collections, and no vector at all.
// Like the real one it takes its key from the file of --config-path (JSON, which is YAML), and without it asks nobody.
// It answers GET /, /healthz, /readyz, /livez, /collections, and GET, PUT, DELETE /collections/{name}, and its /exists; anything else is 501.
// Like the real one it keeps its files in /qdrant/storage and wants to write a snapshots folder and an init file.
package main

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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

func (s *store) exists(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	_, found := s.known[r.PathValue("name")]
	answer(w, http.StatusOK, map[string]bool{"exists": found}, "ok")
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

// The key that every request must bring; empty where nobody is asked. A file that is named and not there ends the start.
func key(arguments []string) (string, error) {
	for i, argument := range arguments {
		if argument == "--config-path" && i+1 < len(arguments) {
			text, err := os.ReadFile(arguments[i+1])
			if err != nil {
				return "", err
			}
			var config struct {
				Service struct {
					Key string `json:"api_key"`
				}
			}
			return config.Service.Key, json.Unmarshal(text, &config)
		}
	}
	return os.Getenv("QDRANT__SERVICE__API_KEY"), nil
}

// As Qdrant's src/common/auth and src/actix/mod.rs: the key in the header api-key or as bearer; these paths ask for none.
func guarded(key string, next http.Handler) http.Handler {
	free := map[string]bool{"/": true, "/healthz": true, "/readyz": true, "/livez": true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := r.Header.Get("api-key")
		if shown == "" {
			shown = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		}
		if key == "" || free[r.URL.Path] || subtle.ConstantTimeCompare([]byte(shown), []byte(key)) == 1 {
			next.ServeHTTP(w, r)
			return
		}
		what := "Invalid API key or JWT"
		if shown == "" {
			what = "Must provide an API key or an Authorization bearer token"
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(what))
	})
}

func main() {
	secret, err := key(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
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
	http.HandleFunc("GET /collections/{name}/exists", s.exists)
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotImplemented, software) })
	server := &http.Server{Addr: ":6333", Handler: guarded(secret, http.DefaultServeMux), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
