// A stub in Portainer's place: it manages nothing, and lets nobody in whom the real one would not let in.
// GET /api/system/status and /api/status answer anybody; POST /api/auth gives a token for the admin's password; everything else below /api
// wants that token (portainer/portainer: api/http/handler/auth, api/http/security/bouncer.go).
// As there, the password of --admin-password-file counts at the first start alone; after that it is what /data has kept.
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	software = "stub: this is not Portainer, only its sign-in"
	kept     = "/data/stub-admin"
)

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// The hash of the admin's password; empty where nobody was made the admin.
func admin(arguments []string) (string, error) {
	given := ""
	for i, argument := range arguments {
		name, value, joined := strings.Cut(argument, "=")
		if name != "--admin-password-file" {
			continue
		}
		if !joined && i+1 < len(arguments) {
			value = arguments[i+1]
		}
		text, err := os.ReadFile(value)
		if err != nil {
			return "", err
		}
		given = hashed(strings.TrimSuffix(string(text), "\n"))
	}
	text, err := os.ReadFile(kept)
	if err == nil {
		return string(text), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return given, os.WriteFile(kept, []byte(given), 0o600)
}

func main() {
	password, err := admin(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		log.Fatal(err)
	}
	token := hex.EncodeToString(secret)
	status := func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"Version": "0.0.0", "InstanceID": software})
	}
	http.HandleFunc("GET /api/system/status", status)
	http.HandleFunc("GET /api/status", status)
	http.HandleFunc("POST /api/auth", func(w http.ResponseWriter, r *http.Request) {
		var shown struct{ Username, Password string }
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&shown)
		right := subtle.ConstantTimeCompare([]byte(hashed(shown.Password)), []byte(password)) == 1
		if err != nil || password == "" || shown.Username != "admin" || !right {
			answer(w, http.StatusUnprocessableEntity, map[string]string{"message": "Invalid credentials", "details": "Unauthorized"})
			return
		}
		answer(w, http.StatusOK, map[string]string{"jwt": token})
	})
	http.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
			answer(w, http.StatusUnauthorized, map[string]string{"message": "A valid authorisation token is missing", "details": "Unauthorized"})
			return
		}
		answer(w, http.StatusNotImplemented, map[string]string{"message": software})
	})
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(software + "\n")) })
	server := &http.Server{Addr: ":9000", ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
