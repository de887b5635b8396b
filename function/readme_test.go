package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What runs the README's commands: what CI calls, the stories of both front
// doors, and the walk through the cloud.
var runners = []string{"../.ci/run", "../Makefile", "../tools/cloud/*.py", "cmd/aurora-migrate/testdata/script/*.txtar", "testdata/script/*.txtar", "cmd/aurora-migrate/*_test.go"}

// Every command in the README runs in a test or in CI: in the words of the
// README, but for what stands for a value of the reader's own.
func TestReadme_everyCommandRuns(t *testing.T) {
	var all strings.Builder
	for _, pattern := range runners {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
	}
	commands := readmeCommands(t)
	if len(commands) < 9 {
		t.Fatalf("only %d commands found in the README", len(commands))
	}
	for _, c := range commands {
		if !runs(all.String(), c) {
			t.Errorf("nothing runs this command of the README: %s", c)
		}
	}
}

// readmeCommands are the lines of the README's sh blocks, what stands indented
// as a line of its own, and what the text names in between.
func readmeCommands(t *testing.T) (commands []string) {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, span := range regexp.MustCompile("`((?:[A-Z]+=\\S+ )?(?:make|aurora-migrate) [^`]+)`").FindAllStringSubmatch(string(b), -1) {
		commands = append(commands, span[1])
	}
	fenced := false
	for line := range strings.Lines(string(b)) {
		text := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(text, "```"):
			fenced = text == "```sh"
		case (fenced || strings.HasPrefix(line, "    ")) && regexp.MustCompile(`^(make|aurora-migrate|[A-Z_]+=\S+ make) `).MatchString(text):
			commands = append(commands, text)
		}
	}
	return commands
}

// runs says that each word of the command that means something stands, in
// order, in one line that is run. A value of the reader's own may be anything.
func runs(all, command string) bool {
	var pattern []string
	for _, word := range strings.Fields(command) {
		switch {
		case strings.ContainsAny(word, "<>$") || word == "NAME" || strings.HasPrefix(word, "MAJOR=") || strings.HasPrefix(word, "migrations-") || strings.HasPrefix(word, "aurora-migrations-"):
			pattern = append(pattern, `.*`)
		case strings.HasPrefix(word, "'{"):
			action := regexp.MustCompile(`"action":"(\w+)"`).FindStringSubmatch(word)
			pattern = append(pattern, `.*\b`+action[1]+`\b.*`)
		default:
			pattern = append(pattern, `.*`+regexp.QuoteMeta(word))
		}
	}
	return regexp.MustCompile(strings.Join(pattern, "")).MatchString(all)
}
