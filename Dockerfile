# syntax=docker/dockerfile:1
# One target per program: worker, bridge, console, starter, codec, simulator.
#   docker build --target worker -t dpaflow-worker .
# There is no repository in the build, so VERSION and COMMIT say what is built.
# GO_IMAGE may name another image of Go, or this one by its digest, and GOPROXY
# and GOSUMDB where modules come from.

ARG GO_IMAGE=golang:1.26
FROM --platform=$BUILDPLATFORM $GO_IMAGE AS build
ARG GOPROXY GOSUMDB
WORKDIR /src
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=bind,source=go.mod,target=go.mod \
    --mount=type=bind,source=go.sum,target=go.sum \
    go mod download
ARG TARGETOS TARGETARCH VERSION COMMIT
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    --mount=type=bind,target=. \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags="-s -w -X github.com/dpaflow/dpaflow/internal/version.number=$VERSION -X github.com/dpaflow/dpaflow/internal/version.commit=$COMMIT" -o /out/ \
    ./worker ./signals/bridge ./console ./starter ./codec ./platform/platformtest/simulator
# A new volume takes its owner from the image's folder.
RUN mkdir /kept

# Programs are static: an image is one file, the roots it trusts, and no shell.
FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY LICENSE /
USER 65532:65532
ARG VERSION=unknown COMMIT=unknown
LABEL org.opencontainers.image.title=dpaflow \
      org.opencontainers.image.source=https://github.com/dpaflow/dpaflow \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$COMMIT

FROM base AS simulator
COPY --from=build --chown=65532:65532 /kept /state
COPY --from=build /out/simulator /simulator
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s CMD ["/simulator", "-healthcheck"]
ENTRYPOINT ["/simulator"]

FROM base AS starter
COPY --from=build /out/starter /starter
ENTRYPOINT ["/starter"]

FROM base AS codec
COPY --from=build /out/codec /codec
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s CMD ["/codec", "-healthcheck"]
ENTRYPOINT ["/codec"]

FROM base AS console
COPY --from=build /out/console /console
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s CMD ["/console", "-healthcheck"]
ENTRYPOINT ["/console"]

FROM base AS bridge
COPY --from=build --chown=65532:65532 /kept /spool
COPY --from=build /out/bridge /bridge
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s CMD ["/bridge", "-healthcheck"]
ENTRYPOINT ["/bridge"]

FROM base AS worker
COPY --from=build --chown=65532:65532 /kept /spool
COPY --from=build /out/worker /worker
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s CMD ["/worker", "-healthcheck"]
ENTRYPOINT ["/worker"]
