# One target per program: worker, bridge, starter, codec, simulator.
#   docker build --target worker -t dpaflow-worker .

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/ \
    ./worker ./signals/bridge ./starter ./codec ./platform/platformtest/simulator

# Programs are static: an image is one file, the roots it trusts, and no shell.
FROM scratch AS base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
USER 65532:65532

FROM base AS simulator
COPY --from=build /out/simulator /simulator
ENTRYPOINT ["/simulator"]

FROM base AS starter
COPY --from=build /out/starter /starter
ENTRYPOINT ["/starter"]

FROM base AS codec
COPY --from=build /out/codec /codec
ENTRYPOINT ["/codec"]

FROM base AS bridge
COPY --from=build /out/bridge /bridge
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/bridge", "-healthcheck"]
ENTRYPOINT ["/bridge"]

FROM base AS worker
COPY --from=build /out/worker /worker
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/worker", "-healthcheck"]
ENTRYPOINT ["/worker"]
