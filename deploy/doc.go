// Package deploy holds no code: its tests read docker-compose.yml and the manifests for Kubernetes, each by
// its format's own library, and compare them with what the programs are. What can be run is run instead, by
// the tests in docker/. It is a module of its own, so that nobody else depends on those libraries.
package deploy
