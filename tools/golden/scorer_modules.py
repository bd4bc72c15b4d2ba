"""ViCLIP and YOLOv5 as plain modules: the layout and the tensor names of the published models, in our own words."""

import math

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def forward(self, x, mask=None):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, attn_mask=mask, need_weights=False)[0]
        y = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](y * torch.sigmoid(1.702 * y))


class Stack(nn.Module):
    def __init__(self, width, layers, heads):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width, heads) for _ in range(layers))

    def forward(self, x, mask=None):
        for block in self.resblocks:
            x = block(x, mask)
        return x


class Vision(nn.Module):
    def __init__(self, image_size, patch_size, width, layers, heads, frames, embed):
        super().__init__()
        kernel = (1, patch_size, patch_size)
        self.conv1 = nn.Conv3d(3, width, kernel, kernel, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty((image_size // patch_size) ** 2 + 1, width))
        self.temporal_positional_embedding = nn.Parameter(torch.empty(1, frames, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Stack(width, layers, heads)
        self.proj = nn.Parameter(torch.empty(width, embed))

    def forward(self, pixels):
        patches = self.conv1(pixels).flatten(3)  # B, width, T, N
        clips = []
        for clip in patches:
            tokens = [self.class_embedding + self.positional_embedding[0]]
            for n in range(clip.shape[2]):  # a patch through all its times, then the next patch
                for t in range(clip.shape[1]):
                    tokens.append(clip[:, t, n] + self.positional_embedding[1 + n] + self.temporal_positional_embedding[0, t])
            clips.append(torch.stack(tokens))
        x = self.transformer(self.ln_pre(torch.stack(clips)))
        return self.ln_post(x[:, 0]) @ self.proj


class Text(nn.Module):
    def __init__(self, context_length, width, layers, heads, vocab_size, embed):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.positional_embedding = nn.Parameter(torch.empty(context_length, width))
        self.transformer = Stack(width, layers, heads)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, embed))

    def forward(self, ids):
        mask = torch.full((ids.shape[1],) * 2, -torch.inf).triu(1)
        x = self.ln_final(self.transformer(self.token_embedding(ids) + self.positional_embedding, mask))
        return torch.stack([row[ids_.argmax()] for row, ids_ in zip(x, ids)]) @ self.text_projection


class PlainViClip(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.vision_encoder = Vision(**config["vision"], embed=config["embed_dim"])
        self.text_encoder = Text(**config["text"], embed=config["embed_dim"])
        self.temp = nn.Parameter(torch.ones([]))

    def encode_vision(self, pixels):
        return self.vision_encoder(pixels)

    def encode_text(self, ids):
        return self.text_encoder(ids)


class Conv(nn.Module):
    def __init__(self, into, out, kernel=1, stride=1, padding=None):
        super().__init__()
        self.conv = nn.Conv2d(into, out, kernel, stride, kernel // 2 if padding is None else padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3)

    def forward(self, x):
        return functional.silu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, width, shortcut):
        super().__init__()
        self.cv1, self.cv2, self.shortcut = Conv(width, width), Conv(width, width, 3), shortcut

    def forward(self, x):
        y = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


class C3(nn.Module):
    def __init__(self, into, out, count, shortcut):
        super().__init__()
        half = out // 2
        self.cv1, self.cv2, self.cv3 = Conv(into, half), Conv(into, half), Conv(2 * half, out)
        self.m = nn.Sequential(*(Bottleneck(half, shortcut) for _ in range(count)))

    def forward(self, x):
        return self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], 1))


class Sppf(nn.Module):
    def __init__(self, into, out):
        super().__init__()
        self.cv1, self.cv2, self.pool = Conv(into, into // 2), Conv(into // 2 * 4, out), nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        levels = [self.cv1(x)]
        for _ in range(3):
            levels.append(self.pool(levels[-1]))
        return self.cv2(torch.cat(levels, 1))


class Join(nn.Module):
    """Stands where the published layout has a join, so that the layers' numbers are theirs."""


class Head(nn.Module):
    def __init__(self, widths, classes, anchors_px):
        super().__init__()
        self.m = nn.ModuleList(nn.Conv2d(width, 3 * (5 + classes), 1) for width in widths)
        self.register_buffer("anchors", torch.stack([torch.tensor(level).view(3, 2) / stride for level, stride in zip(anchors_px, (8.0, 16.0, 32.0))]))

    def forward(self, levels):
        rows = []
        for conv, level, anchors, stride in zip(self.m, levels, self.anchors, (8.0, 16.0, 32.0)):
            batch, _, height, width = level.shape
            y = conv(level).view(batch, 3, -1, height, width).sigmoid()
            for anchor in range(3):
                grid_y, grid_x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
                one = y[:, anchor]
                centre_x, centre_y = (2 * one[:, 0] - 0.5 + grid_x) * stride, (2 * one[:, 1] - 0.5 + grid_y) * stride
                extent_x, extent_y = ((2 * one[:, 2 + i]) ** 2 * anchors[anchor, i] * stride for i in range(2))
                box = torch.stack([centre_x, centre_y, extent_x, extent_y], 1)
                rows.append(torch.cat([box, one[:, 4:]], 1).flatten(2).transpose(1, 2))
        return torch.cat(rows, 1)


class PlainYolo(nn.Module):
    def __init__(self, config):
        super().__init__()
        wide = lambda channels: math.ceil(channels * config["width_multiple"] / 8) * 8
        deep = lambda count: max(round(count * config["depth_multiple"]), 1)
        a, b, c, d, e = (wide(channels) for channels in (64, 128, 256, 512, 1024))
        up = nn.Upsample(scale_factor=2, mode="nearest")
        self.model = nn.ModuleList([
            Conv(3, a, 6, 2, 2), Conv(a, b, 3, 2), C3(b, b, deep(3), True), Conv(b, c, 3, 2), C3(c, c, deep(6), True), Conv(c, d, 3, 2),
            C3(d, d, deep(9), True), Conv(d, e, 3, 2), C3(e, e, deep(3), True), Sppf(e, e),
            Conv(e, d), up, Join(), C3(2 * d, d, deep(3), False), Conv(d, c), up, Join(), C3(2 * c, c, deep(3), False),
            Conv(c, c, 3, 2), Join(), C3(2 * c, d, deep(3), False), Conv(d, d, 3, 2), Join(), C3(2 * d, e, deep(3), False),
            Head((c, d, e), config["nc"], config["anchors"])])

    def forward(self, images):
        joins = {12: 6, 16: 4, 19: 14, 22: 10}
        outputs = []
        x = images
        for number, layer in enumerate(self.model[:-1]):
            x = torch.cat([x, outputs[joins[number]]], 1) if number in joins else layer(x)
            outputs.append(x)
        return self.model[-1]([outputs[17], outputs[20], outputs[23]])


def fused_state(model):
    """The weights with batch normalisation folded into the convolutions, as exports of YOLOv5 have them."""
    state = dict(model.state_dict())
    for name, layer in model.named_modules():
        if not isinstance(layer, Conv):
            continue
        scale = layer.bn.weight / torch.sqrt(layer.bn.running_var + layer.bn.eps)
        state[f"{name}.conv.weight"] = layer.conv.weight * scale.view(-1, 1, 1, 1)
        state[f"{name}.conv.bias"] = layer.bn.bias - layer.bn.running_mean * scale
        for key in [key for key in state if key.startswith(f"{name}.bn.")]:
            del state[key]
    return state
