package charttest

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// composed is the compose file as compose itself reads it, with all profiles.
func composed(t *testing.T) *types.Project {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(root, "deploy/compose"))
	if err != nil {
		t.Fatal(err)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(dir, "compose.yaml")}, cli.WithWorkingDirectory(dir), cli.WithProfiles([]string{"*"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

var versioned = regexp.MustCompile(`^[a-z0-9/-]+:v?[0-9]+\.[0-9]+[0-9.a-z-]*$`)

func TestTheComposeFileIsOneAndItsContainersAreBounded(t *testing.T) {
	t.Parallel()
	project := composed(t)
	if len(project.Services) < 9 {
		t.Errorf("%d services", len(project.Services))
	}
	for name, service := range project.Services {
		faults := map[string]bool{
			"a file system to write to":  !service.ReadOnly,
			"capabilities":               !slices.Equal(service.CapDrop, []string{"ALL"}),
			"more rights to come":        !slices.Contains(service.SecurityOpt, "no-new-privileges:true"),
			"all rights":                 service.Privileged || service.NetworkMode == "host",
			"an image without a version": service.Build == nil && !versioned.MatchString(service.Image),
		}
		for _, port := range service.Ports {
			faults["a port on every address"] = port.HostIP != "127.0.0.1"
		}
		for _, volume := range service.Volumes {
			faults["a mount to write to: "+volume.Source] = volume.Type == types.VolumeTypeBind && !volume.ReadOnly
		}
		for variable, value := range service.Environment {
			secret := strings.HasSuffix(variable, "SECRET") && variable != "HASURA_GRAPHQL_JWT_SECRET" || strings.HasSuffix(variable, "PASSWORD") || strings.HasSuffix(variable, "DATABASE_URL")
			faults["a secret in "+variable] = secret && value != nil
		}
		for fault, is := range faults {
			if is {
				t.Errorf("%s has %s", name, fault)
			}
		}
	}
}

// TestTheComposeFileSegmentsItsServices: what has data is reached by no one but whom it serves, and by nothing outside.
func TestTheComposeFileSegmentsItsServices(t *testing.T) {
	t.Parallel()
	project := composed(t)
	if !project.Networks["back"].Internal || project.Networks["front"].Internal {
		t.Error("the network of the databases is not apart")
	}
	for name, want := range map[string]string{
		"gateway": "front", "postgres": "back", "redis": "back", "metadata": "back", "migrate": "back", "roles": "back", "hasura": "back front", "tenant": "back front", "issuer": "", "ask": "",
	} {
		service := project.Services[name]
		networks := slices.Sorted(maps.Keys(service.Networks))
		if got := strings.Join(networks, " "); got != want {
			t.Errorf("%s is in the networks %q, want %q", name, got, want)
		}
		if len(service.Ports) > 0 && name != "gateway" && name != "tenant" {
			t.Errorf("%s has ports outside", name)
		}
	}
}
