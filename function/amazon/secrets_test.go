package amazon

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

const (
	arn    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app-AbCdEf"
	marked = "s3cr3t-" // begins everything here that nobody may see
)

// secrets answers as Secrets Manager does: AWS JSON 1.1, errors as AWS sends
// them.
type secrets struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
	reply func(w http.ResponseWriter)
}

// A call is one that came in.
type call struct{ target, contentType, id, authorization string }

// serve starts it, and points the SDK at it.
func serve(t *testing.T, reply func(http.ResponseWriter)) *secrets {
	t.Helper()
	s := &secrets{reply: reply}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var asked struct{ SecretId string }
		_ = json.Unmarshal(body, &asked)
		s.mu.Lock()
		s.calls = append(s.calls, call{r.Header.Get("X-Amz-Target"), r.Header.Get("Content-Type"), asked.SecretId, r.Header.Get("Authorization")})
		reply := s.reply
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		reply(w)
	}))
	t.Cleanup(s.Close)
	environment(t, s.URL)
	return s
}

func (s *secrets) now(reply func(http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reply = reply
}

func (s *secrets) called() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call(nil), s.calls...)
}

// environment is what Lambda gives a function, and the endpoint.
func environment(t *testing.T, endpoint string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": marked + "key", "AWS_SESSION_TOKEN": marked + "session",
		"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
	} {
		t.Setenv(name, value)
	}
}

// holding is a secret with this text.
func holding(text string) func(http.ResponseWriter) {
	return answering(http.StatusOK, map[string]any{
		"ARN": arn, "Name": "app", "VersionId": "c3b3f7e2-52a5-4a02-8e17-5b6a8a1e2b3c", "VersionStages": []string{"AWSCURRENT"},
		"CreatedDate": 1.7e9, "SecretString": text,
	})
}

// refusing is an error as AWS sends it.
func refusing(status int, code, words string) func(http.ResponseWriter) {
	body := map[string]any{"__type": code}
	if words != "" {
		body["Message"] = words
	}
	return answering(status, body)
}

func answering(status int, body any) func(http.ResponseWriter) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = w.Write(text)
	}
}

// full is a secret that was made for rotation.
const full = `{"engine":"postgres","host":"app.cluster-abc.eu-central-1.rds.amazonaws.com","port":5433,"dbname":"app",` +
	`"username":"migrator","password":"` + marked + `one","dbClusterIdentifier":"app"}`
