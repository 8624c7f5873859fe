// A stub in Qdrant's place: it keeps the names and parameters of collections, and points as they come; it searches nothing.
// Like the real one it takes its key from the file of --config-path (JSON, which is YAML), and without it asks nobody.
// It answers GET /, /healthz, /readyz, /livez, /collections, and GET, PUT, DELETE /collections/{name}, and its /exists;
// of points PUT, /points/count and /points/scroll, of snapshots all of https://qdrant.tech/documentation/concepts/snapshots/
// that is of one collection and comes by upload, and aliases; anything else is 501. A snapshot is a text with a checksum in it.
// Like the real one it keeps its files in /qdrant/storage and wants to write a snapshots folder and an init file.
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
	file      string
	snapshots string
	content
}

// What is on disk; a collection's points by their ids.
type content struct {
	Known   map[string]vectors
	Points  map[string]map[string]json.RawMessage
	Aliases map[string]string
}

func (s *store) save() error {
	text, err := json.Marshal(s.content)
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
	have, found := s.Known[name]
	switch r.Method {
	case http.MethodGet:
		if !found {
			fail(w, http.StatusNotFound, "Not found: Collection `"+name+"` doesn't exist!")
			return
		}
		answer(w, http.StatusOK, map[string]any{"status": "green", "points_count": len(s.Points[name]),
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
		s.Known[name] = wanted.Vectors
		if err := s.save(); err != nil {
			delete(s.Known, name)
			fail(w, http.StatusInternalServerError, err.Error())
			return
		}
		answer(w, http.StatusOK, true, "ok")
	case http.MethodDelete:
		delete(s.Known, name)
		delete(s.Points, name)
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
	_, found := s.Known[r.PathValue("name")]
	answer(w, http.StatusOK, map[string]bool{"exists": found}, "ok")
}

func (s *store) collections(w http.ResponseWriter, _ *http.Request) {
	s.Lock()
	defer s.Unlock()
	names := []map[string]string{}
	for name := range s.Known {
		names = append(names, map[string]string{"name": name})
	}
	answer(w, http.StatusOK, map[string]any{"collections": names}, "ok")
}

// Answers a request about a collection that is there, under the lock, and keeps what it changed.
func (s *store) of(change bool, next func(name string, r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.Lock()
		defer s.Unlock()
		name := r.PathValue("name")
		if _, found := s.Known[name]; !found && name != "" {
			fail(w, http.StatusNotFound, "Not found: Collection `"+name+"` doesn't exist!")
			return
		}
		result, err := next(name, r)
		if err == nil && change {
			err = s.save()
		}
		if err != nil {
			fail(w, http.StatusBadRequest, err.Error())
			return
		}
		answer(w, http.StatusOK, result, "ok")
	}
}

func (s *store) upsert(name string, r *http.Request) (any, error) {
	var wanted struct{ Points []json.RawMessage }
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 64<<20)).Decode(&wanted); err != nil {
		return nil, err
	}
	if s.Points[name] == nil {
		s.Points[name] = map[string]json.RawMessage{}
	}
	for _, point := range wanted.Points {
		var each struct {
			ID     json.RawMessage
			Vector []float32
		}
		if err := json.Unmarshal(point, &each); err != nil {
			return nil, err
		}
		if len(each.Vector) != s.Known[name].Size {
			return nil, errors.New("Wrong input: Vector dimension error")
		}
		s.Points[name][string(each.ID)] = point
	}
	return map[string]any{"operation_id": 0, "status": "completed"}, nil
}

func (s *store) scroll(name string, _ *http.Request) (any, error) {
	points := []json.RawMessage{}
	for _, id := range slices.Sorted(maps.Keys(s.Points[name])) {
		points = append(points, s.Points[name][id])
	}
	return map[string]any{"points": points, "next_page_offset": nil}, nil
}

// What a snapshot holds: the collection's parameters and its points.
type snapshot struct {
	Vectors vectors
	Points  map[string]json.RawMessage
}

func (s *store) snap(name string, _ *http.Request) (any, error) {
	text, err := json.Marshal(snapshot{s.Known[name], s.Points[name]})
	if err != nil {
		return nil, err
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(text))
	text = append([]byte(sum+"\n"), text...)
	file := fmt.Sprintf("%s-%d.snapshot", name, time.Now().UnixNano())
	if err := os.MkdirAll(filepath.Join(s.snapshots, name), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(s.snapshots, name, file), text, 0o600); err != nil {
		return nil, err
	}
	return map[string]any{"name": file, "size": len(text), "checksum": fmt.Sprintf("%x", sha256.Sum256(text))}, nil
}

func (s *store) taken(w http.ResponseWriter, r *http.Request) {
	http.ServeFile(w, r, filepath.Join(s.snapshots, filepath.Base(r.PathValue("name")), filepath.Base(r.PathValue("snapshot"))))
}

func (s *store) forgotten(name string, r *http.Request) (any, error) {
	return true, os.Remove(filepath.Join(s.snapshots, filepath.Base(name), filepath.Base(r.PathValue("snapshot"))))
}

func (s *store) upload(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("snapshot")
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	text, err := io.ReadAll(file)
	sum, rest, found := strings.Cut(string(text), "\n")
	var wanted snapshot
	if err != nil || !found || sum != fmt.Sprintf("%x", sha256.Sum256([]byte(rest))) || json.Unmarshal([]byte(rest), &wanted) != nil {
		fail(w, http.StatusInternalServerError, "Service internal error: the snapshot is damaged")
		return
	}
	s.Lock()
	defer s.Unlock()
	s.Known[r.PathValue("name")], s.Points[r.PathValue("name")] = wanted.Vectors, wanted.Points
	if err := s.save(); err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer(w, http.StatusOK, true, "ok")
}

func (s *store) aliases(_ string, _ *http.Request) (any, error) {
	rows := []map[string]string{}
	for _, alias := range slices.Sorted(maps.Keys(s.Aliases)) {
		rows = append(rows, map[string]string{"alias_name": alias, "collection_name": s.Aliases[alias]})
	}
	return map[string]any{"aliases": rows}, nil
}

func (s *store) alias(_ string, r *http.Request) (any, error) {
	type named struct {
		Alias      string `json:"alias_name"`
		Collection string `json:"collection_name"`
	}
	var wanted struct {
		Actions []struct {
			Create *named `json:"create_alias"`
			Delete *named `json:"delete_alias"`
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
		return nil, err
	}
	for _, action := range wanted.Actions {
		if action.Create != nil {
			s.Aliases[action.Create.Alias] = action.Create.Collection
		}
		if action.Delete != nil {
			delete(s.Aliases, action.Delete.Alias)
		}
	}
	return true, nil
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
	s := &store{file: filepath.Join(env("QDRANT__STORAGE__STORAGE_PATH", "/qdrant/storage"), "stub-store.json"),
		snapshots: env("QDRANT__STORAGE__SNAPSHOTS_PATH", "./snapshots"),
		content:   content{Known: map[string]vectors{}, Points: map[string]map[string]json.RawMessage{}, Aliases: map[string]string{}}}
	text, err := os.ReadFile(s.file)
	if errors.Is(err, os.ErrNotExist) {
		return s, s.save()
	}
	if err != nil {
		return nil, err
	}
	return s, json.Unmarshal(text, &s.content)
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
	http.HandleFunc("PUT /collections/{name}/points", s.of(true, s.upsert))
	http.HandleFunc("POST /collections/{name}/points/count", s.of(false, func(name string, _ *http.Request) (any, error) {
		return map[string]int{"count": len(s.Points[name])}, nil
	}))
	http.HandleFunc("POST /collections/{name}/points/scroll", s.of(false, s.scroll))
	http.HandleFunc("POST /collections/{name}/snapshots", s.of(false, s.snap))
	http.HandleFunc("GET /collections/{name}/snapshots/{snapshot}", s.taken)
	http.HandleFunc("DELETE /collections/{name}/snapshots/{snapshot}", s.of(false, s.forgotten))
	http.HandleFunc("POST /collections/{name}/snapshots/upload", s.upload)
	http.HandleFunc("GET /aliases", s.of(false, s.aliases))
	http.HandleFunc("POST /collections/aliases", s.of(true, s.alias))
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotImplemented, software) })
	server := &http.Server{Addr: ":6333", Handler: guarded(secret, http.DefaultServeMux), ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	log.Fatal(server.ListenAndServe())
}
