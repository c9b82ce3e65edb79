// Package deploy holds no code: its tests read what programs are built and run with, the Dockerfile,
// docker-compose.yml and the manifests for Kubernetes, each by its format's own library, and compare
// them with what the programs are. It is a module of its own, so that nobody else depends on those.
package deploy
