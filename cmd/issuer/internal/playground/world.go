package playground

// World is what the page shows before anybody has asked for anything.
type World struct {
	Issuer    string    `json:"issuer"` // as it stands in iss
	Listens   string    `json:"listens"`
	Audience  string    `json:"audience"`
	Namespace []string  `json:"namespace"` // the members that lead to Hasura's claims
	Entra     Entra     `json:"entra"`
	Personas  []Persona `json:"personas"`
	Faults    []Fault   `json:"faults"`
	Roles     []string  `json:"roles"` // that anybody has
	Session   []Claimed `json:"session"`
	Policed   bool      `json:"policed"` // a policy has the last word
	V2        string    `json:"v2"`      // the setting of Hasura v2
	V3        any       `json:"v3"`      // the AuthConfig of Hasura v3
}

// Entra is the made-up tenant, as a client app is told of it.
type Entra struct {
	URL      string `json:"url"`
	Tenant   string `json:"tenant"`
	ClientID string `json:"client_id"` // of a page
	Scope    string `json:"scope"`
	TLS      bool   `json:"tls"`
}

// Persona is somebody to be.
type Persona struct {
	Name     string `json:"name"`
	Says     string `json:"says"`
	ObjectID string `json:"object_id"`
	Person   bool   `json:"person"` // and no program: they can sign in
}

// Fault is a way to break a token.
type Fault struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Says string `json:"says"`
}

// Claimed is a session variable that comes from a claim.
type Claimed struct {
	Variable string `json:"variable"`
	Claim    string `json:"claim"`
}
