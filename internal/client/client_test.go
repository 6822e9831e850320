package client

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// docs/clients.md shows the service config that this client goes by.
func TestDocsShowTheServiceConfig(t *testing.T) {
	page, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```json\n")
	block, _, _ = strings.Cut(block, "```")
	var shown, used any
	if err := json.Unmarshal([]byte(block), &shown); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(serviceConfig), &used); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(shown, used) {
		t.Errorf("the page shows %v, the client uses %v", shown, used)
	}
}
