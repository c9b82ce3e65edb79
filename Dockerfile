# syntax=docker/dockerfile:1
# One target per program: worker, bridge, starter, codec, simulator.
#   docker build --target worker -t dpaflow-worker .
# There is no repository in the build, so VERSION and COMMIT say what is built.

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
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
    ./worker ./signals/bridge ./starter ./codec ./platform/platformtest/simulator
# A new volume takes its owner from the image's folder.
RUN mkdir /spool

# Programs are static: an image is one file, the roots it trusts, and no shell.
FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
USER 65532:65532

FROM base AS simulator
COPY --from=build /out/simulator /simulator
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/simulator", "-healthcheck"]
ENTRYPOINT ["/simulator"]

FROM base AS starter
COPY --from=build /out/starter /starter
ENTRYPOINT ["/starter"]

FROM base AS codec
COPY --from=build /out/codec /codec
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/codec", "-healthcheck"]
ENTRYPOINT ["/codec"]

FROM base AS bridge
COPY --from=build --chown=65532:65532 /spool /spool
COPY --from=build /out/bridge /bridge
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/bridge", "-healthcheck"]
ENTRYPOINT ["/bridge"]

FROM base AS worker
COPY --from=build --chown=65532:65532 /spool /spool
COPY --from=build /out/worker /worker
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/worker", "-healthcheck"]
ENTRYPOINT ["/worker"]
