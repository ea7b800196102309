# The image holds the static binary, CA certificates and nothing else: no shell, no package manager, no root.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# `make image` sets both: the checkout's history is not in the build's context.
ARG VERSION=""
ARG COMMIT=""
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT}" -o /issuer ./cmd/issuer

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /issuer /issuer
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/issuer"]
CMD ["serve"]
