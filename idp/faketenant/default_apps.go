package faketenant

import "time"

const secretLife = 180 * 24 * time.Hour

// registerApps registers what a deployment of the issuer has: its API, a page that calls it, a desktop program that does,
// and a daemon.
func (t *Tenant) registerApps() {
	t.registry.apps = map[string]registration{}
	t.Register(App{
		ID: APIClientID, ObjectID: "b1000000-5f60-4718-92a3-000000000001", Exposes: []string{apiScope},
		GraphRoles: []string{"User.ReadBasic.All", "GroupMember.Read.All", "Application.Read.All"},
		Consented:  []string{graphResource + "/User.Read", graphResource + "/GroupMember.Read.All"},
	})
	t.Register(App{ID: SPAClientID, ObjectID: "b1000000-5f60-4718-92a3-000000000002", Platform: PlatformSPA})
	t.Register(App{ID: NativeClientID, ObjectID: "b1000000-5f60-4718-92a3-000000000003", Platform: PlatformNative})
	t.Register(App{ID: DaemonClientID, ObjectID: daemonObjectID, APIRoles: []string{daemonRole}})
	t.AddSecret(APIClientID, secretLife)
	t.AddSecret(DaemonClientID, secretLife)
}
