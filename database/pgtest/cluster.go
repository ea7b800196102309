package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// cluster is a running server on which databases can be made.
type cluster struct {
	admin    url.URL    // of a database that is always there
	template string     // name of the migrated database, never connected to after that
	clone    sync.Mutex // one copy at a time: CREATE DATABASE wants its template to itself
}

// newCluster reads the URL of a server. The URL, which may hold a password, is
// in no error.
func newCluster(adminURL string) (*cluster, error) {
	admin, err := url.Parse(adminURL)
	if err != nil || !strings.HasPrefix(admin.Scheme, "postgres") {
		return nil, errors.New("TEST_DATABASE_URL is no postgres:// URL")
	}
	return &cluster{admin: *admin}, nil
}

// url returns the URL of a database by its name.
func (c *cluster) url(name string) string {
	u := c.admin
	query := u.Query()
	query.Del("dbname") // it would win over the path
	u.Path, u.RawQuery = "/"+name, query.Encode()
	return u.String()
}

// create makes a database as a copy of another one and returns its name.
func (c *cluster) create(ctx context.Context, template string) (string, error) {
	name := "issuer_test_" + strings.ToLower(rand.Text())
	c.clone.Lock()
	defer c.clone.Unlock()
	if err := c.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		return "", fmt.Errorf("make a test database: %w", err)
	}
	return name, nil
}

// drop removes a database and ends the connections to it.
func (c *cluster) drop(ctx context.Context, name string) error {
	if err := c.exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop a test database: %w", err)
	}
	return nil
}

// exec runs one statement on a connection of its own. Databases are made and
// dropped outside a transaction, so there is nothing to keep.
func (c *cluster) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, c.admin.String())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
