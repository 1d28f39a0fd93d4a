# The login service: one static binary in an empty image.
ARG GO_IMAGE=golang:1.26.11-bookworm

# Go cross-compiles, so the compiler runs on the build machine's platform.
FROM --platform=${BUILDPLATFORM:-linux} ${GO_IMAGE} AS build
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# timetzdata includes the time zones; nethttpomithttp2 leaves out HTTP/2, which
# only nginx speaks. git provides the empty values; these and the paths are all
# that could differ between two builds.
ARG VERSION=
ARG COMMIT=
ARG DATE=
RUN VERSION="${VERSION:-$(git describe --tags --always 2>/dev/null || echo dev)}" && \
    COMMIT="${COMMIT:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}" && \
    DATE="${DATE:-$(TZ=UTC git log -1 --date=iso-strict-local --format=%cd 2>/dev/null || echo unknown)}" && \
    CGO_ENABLED=0 GOOS="${TARGETOS:-linux}" GOARCH="${TARGETARCH:-$(go env GOARCH)}" \
    go build -trimpath -tags timetzdata,nethttpomithttp2 -buildvcs=false \
    -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT} -X main.date=${DATE}" -o /out/hasura-login ./app
# A volume that is mounted here for the first time gets this folder's owner.
RUN mkdir -p /out/keys /out/audit

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=10001:10001 --chmod=0700 /out/keys /keys
COPY --from=build --chown=10001:10001 --chmod=0700 /out/audit /audit
COPY --from=build /out/hasura-login /hasura-login
USER 10001:10001
EXPOSE 3000 9100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/hasura-login", "health", "--live"]
ENTRYPOINT ["/hasura-login"]
CMD ["serve"]
